import { expect, test } from 'vitest';
import type { AnswerRow } from '../../src/domain/answers.ts';
import type { Code } from '../../src/domain/errors.ts';
import { age, STATUS_CSS, statusPage } from '../../src/ops/status-page.ts';
import {
  inboxStatus,
  parkedStatus,
  pausedLine,
  type Status,
  secondsSince,
} from '../../src/ops/status-page-facts.ts';

const NOW = Date.parse('2026-11-24T12:00:00.000Z');

const QUIET: Status = {
  version: '1.2.3',
  profile: 'local',
  at: '2026-11-24T12:00:00.000Z',
  phase: 'working',
  health: { live: [], ready: [], started: [] },
  inFlight: { calls: 1, bytes: 0 },
  paused: [],
  inbox: { waiting: 0, due: 0, oldestAt: undefined, oldestSeconds: 0 },
  parked: { causes: [], more: false },
};

const BUSY: Status = {
  ...QUIET,
  health: { live: [], ready: ['KMS_DOWN'], started: [] },
  inFlight: { calls: 16, bytes: 3 * 2 ** 20 },
  paused: [
    pausedLine({ code: 'KMS_DOWN', since: new Date(NOW) }),
    pausedLine({ tenant: 't-1', code: 'KEY_DISABLED', since: new Date(NOW) }),
    pausedLine({ tenant: 't-2', alias: 'edge-eu', code: 'SOURCE_DOWN', since: new Date(NOW) }),
  ],
  inbox: { waiting: 40, due: 3, oldestAt: '2026-11-24T09:59:00.000Z', oldestSeconds: 7260 },
  parked: {
    causes: [{ code: 'EVENT_SHAPE', count: 2, oldestAt: '2026-11-21T12:00:00.000Z', oldestSeconds: 259_200 }],
    more: true,
  },
};

const parkedRow = (code: Code, decidedAt: string): AnswerRow =>
  ({ code, park: { code }, decidedAt, call: 'c-1', tenant: 't-1' }) as AnswerRow;

test('a quiet worker has a page that says so', () => {
  const page = statusPage(QUIET);
  for (const words of [
    'callseal 1.2.3, profile local: working',
    '1 call, 0 KiB',
    '0 waiting, 0 due',
    'Nobody waits for a dependency.',
    'Nothing is parked.',
  ]) {
    expect(page).toContain(words);
  }
});

test('a busy one says how long, who waits and why, and what is parked since when', () => {
  const page = statusPage(BUSY);
  for (const words of [
    'no: KMS_DOWN',
    '16 calls, 3.0 MiB',
    '40 waiting, 3 due, the oldest for 2 h',
    '<td>everybody</td><td><span class="bad">KMS_DOWN</span>',
    '<td>tenant t-1</td><td><span class="bad">KEY_DISABLED</span>',
    '<td>an alias of tenant t-2</td><td><span class="bad">SOURCE_DOWN</span>',
    '<tr><td>EVENT_SHAPE</td><td>2</td><td>3 d</td></tr>',
    'More are parked than were counted here.',
  ]) {
    expect(page).toContain(words);
  }
  expect(page).not.toContain('edge-eu');
});

test('what cannot be read says so, with its code, and the rest of the page is there', () => {
  const page = statusPage({
    ...BUSY,
    inbox: { unreadable: 'INBOX_DOWN' },
    parked: { unreadable: 'TIMEOUT' },
  });
  expect(page).toContain('cannot be read: INBOX_DOWN');
  expect(page).toContain('cannot be read: TIMEOUT');
  expect(page).toContain('tenant t-1');
});

test('the page needs nothing that its content security policy forbids', () => {
  const page = statusPage(BUSY);
  expect(page).not.toMatch(/<script|<style|<form|<img|<iframe| style=| on[a-z]+=|javascript:|https?:/i);
  expect(page.match(/href="[^"]*"/g)).toEqual(['href="/status.css"', 'href="/status"', 'href="/metrics"']);
  expect(STATUS_CSS).not.toMatch(/url\(|@import|expression/i);
});

test('what is not ours cannot become markup', () => {
  const tenant = `<img src=x onerror="alert('1')">&`;
  const page = statusPage({ ...QUIET, paused: [{ scope: 'tenant', tenant, code: 'BUG', since: '' }] });
  expect(page).not.toContain('<img');
  expect(page).toContain('&#60;img src=x onerror=&#34;alert(&#39;1&#39;)&#34;&#62;&#38;');
});

test('parked calls are counted by cause, most first, each with its oldest; no call is named', () => {
  const rows = [
    parkedRow('EVENT_SHAPE', '2026-11-24T11:59:00.000Z'),
    parkedRow('BUG', '2026-11-24T11:00:00.000Z'),
    parkedRow('EVENT_SHAPE', '2026-11-24T11:58:00.000Z'),
    parkedRow('ARTIFACT_TOO_LARGE', '2026-11-24T10:00:00.000Z'),
  ];
  const parked = parkedStatus({ ok: true, value: rows }, NOW);
  expect(parked).toEqual({
    causes: [
      { code: 'EVENT_SHAPE', count: 2, oldestAt: '2026-11-24T11:58:00.000Z', oldestSeconds: 120 },
      { code: 'ARTIFACT_TOO_LARGE', count: 1, oldestAt: '2026-11-24T10:00:00.000Z', oldestSeconds: 7200 },
      { code: 'BUG', count: 1, oldestAt: '2026-11-24T11:00:00.000Z', oldestSeconds: 3600 },
    ],
    more: false,
  });
  expect(JSON.stringify(parked)).not.toContain('c-1');
});

test('at a thousand parked calls there may be more', () => {
  const value = Array.from({ length: 1000 }, () => parkedRow('BUG', '2026-11-24T11:00:00.000Z'));
  expect(parkedStatus({ ok: true, value }, NOW)).toMatchObject({ more: true, causes: [{ count: 1000 }] });
});

test('the age of the inbox is that of its oldest record, never below nothing', () => {
  const backlog = { waiting: 2, due: 1, oldestAt: '2026-11-24T11:59:30.500Z' };
  expect(inboxStatus({ ok: true, value: backlog }, NOW)).toEqual({ ...backlog, oldestSeconds: 29 });
  expect(inboxStatus({ ok: false, code: 'INBOX_DOWN' }, NOW)).toEqual({ unreadable: 'INBOX_DOWN' });
  expect(secondsSince('2026-11-24T12:00:01.000Z', NOW)).toBe(0);
  expect(secondsSince(undefined, NOW)).toBe(0);
});

for (const [seconds, words] of [
  [0, '0 s'],
  [59, '59 s'],
  [60, '1 min'],
  [3599, '59 min'],
  [3600, '1 h'],
  [86_399, '23 h'],
  [86_400, '1 d'],
] as const) {
  test(`${seconds} seconds are ${words}`, () => {
    expect(age(seconds)).toBe(words);
  });
}
