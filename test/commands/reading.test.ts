import { expect, test } from 'vitest';
import type { AnswerRow } from '../../src/domain/answers.ts';
import type { PublishedRecord } from '../../src/ports/events.ts';
import type { Parked } from '../../src/ports/parked.ts';
import type { CallSummary } from '../../src/ports/registry.ts';
import { documentsIn, run } from './host.ts';

const SUMMARY: CallSummary = {
  tenant: 'demo',
  call: 'c-1',
  callUid: 'u-1',
  shredded: false,
  current: { revision: 3, generation: 2 },
  sealedAt: '2026-11-24T10:00:00.000Z',
  artifacts: 2,
  sealedBytes: 1234,
  warnings: 1,
};

const PARKED: AnswerRow = {
  uid: 'a-1',
  origin: { topic: 'callseal.calls.completed', partition: 0, offset: 7 },
  replay: 0,
  arrival: { topic: 'callseal.calls.completed', partition: 0, offset: 7 },
  deliveredDigest: '0'.repeat(64),
  answer: 'parked',
  code: 'EVENT_SHAPE',
  tenant: undefined,
  call: undefined,
  callUid: undefined,
  revision: undefined,
  generation: undefined,
  sequence: undefined,
  registryEpoch: 1,
  park: {
    code: 'EVENT_SHAPE',
    stage: 'decode',
    disposition: 'park',
    fingerprint: 'f'.repeat(64),
    counted: 0,
    firstFailedAt: '2026-11-24T10:00:00.000Z',
  },
  outcome: undefined,
  decidedAt: '2026-11-24T10:00:01.000Z',
};

const LETTER: Parked = {
  answer: PARKED,
  replays: 0,
  state: 'waiting',
  discard: undefined,
  firstSeenAt: '2026-11-24T10:00:01.000Z',
};

test('list is a table for people and NDJSON for programs', async () => {
  const ports = { registry: { calls: async () => [SUMMARY] } };
  expect((await run('list', { ports })).stdout).toBe(
    'CALL      REVISION  STATE   SEALED AT                 ARTIFACTS  SEALED BYTES  WARNINGS\n' +
      'demo/c-1       3.2  sealed  2026-11-24T10:00:00.000Z          2          1234         1\n',
  );
  expect(documentsIn((await run('list --json', { ports })).stdout)).toEqual([SUMMARY]);
});

test('list hands tenant and limit to the registry, and says when there may be more', async () => {
  const asked: unknown[] = [];
  const calls = async (filter: unknown) => {
    asked.push(filter);
    return [SUMMARY];
  };
  const ran = await run('list --tenant demo --limit 1', { ports: { registry: { calls } } });
  expect(asked).toEqual([{ tenant: 'demo', limit: 1 }]);
  expect(ran.stderr).toContain('--limit 10');
});

test('an empty registry is no failure; a tenant without calls is exit 3', async () => {
  const ports = { registry: { calls: async () => [] } };
  expect(await run('list', { ports })).toMatchObject({ code: 0, stdout: '' });
  expect(await run('list --tenant demo', { ports })).toMatchObject({ code: 3, stdout: '' });
});

const showing = (summary: CallSummary | undefined) => ({
  registry: {
    call: async () => summary,
    receipts: async () => [],
    answers: async () => [],
    auditOf: async () => [],
  },
});

test('show of a call that is not there is exit 3, with what to type', async () => {
  const ran = await run('show demo/c-1', { ports: showing(undefined) });
  expect(ran).toMatchObject({ code: 3, stdout: '' });
  expect(ran.stderr).toContain('hint: callseal list --tenant demo');
});

test('show of a shredded call says so and is exit 9, not 3', async () => {
  const ran = await run('show demo/c-1', { ports: showing({ ...SUMMARY, shredded: true }) });
  expect(ran.code).toBe(9);
  expect(ran.stdout).toContain('state     shredded');
});

test('dlq ls asks for parked answers only, and shows one that has no call', async () => {
  const asked: unknown[] = [];
  const parked = async (filter: unknown) => {
    asked.push(filter);
    return [LETTER];
  };
  const { stdout } = await run('dlq ls', { ports: { registry: { parked } } });
  expect(asked).toEqual([{ state: 'waiting' }]);
  expect(stdout).toMatch(
    /^a-1 +2026-11-24T10:00:01\.000Z +- +- +EVENT_SHAPE +decode +ffffffffffff +(new|-) +0 +waiting$/m,
  );
});

test('dlq show knows parked answers only', async () => {
  const answering = (...found: Parked[]) => ({ registry: { parked: async () => found } });
  const { stdout } = await run('dlq show a-1', { ports: answering(LETTER) });
  expect(stdout).toContain('code         EVENT_SHAPE, at decode');
  expect(stdout).toContain('next         callseal dlq show a-1 --open');
  expect((await run('dlq show a-1', { ports: answering() })).code).toBe(3);
});

const record = (value: string, headers: Record<string, string> = {}): PublishedRecord => ({
  topic: 'outcome',
  key: 'demo/c-1',
  id: 'e-1',
  position: '0000000000000001',
  value: Buffer.from(value),
  headers: {
    ce_id: 'e-1',
    ce_time: '2026-11-24T10:00:00.000Z',
    'content-type': 'application/json',
    ...headers,
  },
});

const publishing = (...records: PublishedRecord[]) => ({
  events: {
    read: async function* () {
      yield* records;
    },
  },
});

test('events --json gives CloudEvents: JSON as data, anything else as data_base64', async () => {
  const sealed = record('\u0000\u0001', { 'content-type': 'application/vnd.callseal.sealed' });
  const { stdout } = await run('events outcome --json', {
    ports: publishing(record('{"answer":"sealed"}'), sealed),
  });
  expect(documentsIn(stdout)).toEqual([
    expect.objectContaining({ id: 'e-1', datacontenttype: 'application/json', data: { answer: 'sealed' } }),
    expect.objectContaining({ data_base64: 'AAE=' }),
  ]);
});

test('events --values gives every value byte for byte, one a line', async () => {
  const { stdout } = await run('events audit --values', {
    ports: publishing(record('{"b":1,"a":2}'), record('{}')),
  });
  expect(stdout).toBe('{"b":1,"a":2}\n{}\n');
});

test('sealed bytes are no text: events transcripts --values is exit 2', async () => {
  expect(await run('events transcripts --values')).toMatchObject({ code: 2, opened: 0 });
});

test('settings are loaded once, however often a command asks', async () => {
  const registry = {
    parkedGroups: async () => [],
    intakePauses: async () => [],
    pending: async () => ({ unsequenced: 0, unpublished: 0 }),
    state: async () => ({ epoch: 1, auditSeq: 0, wentBack: false }),
  };
  const inbox = { backlog: async () => ({ waiting: 0, due: 0, oldestAt: undefined }) };
  const ran = await run('--default-profile local status', { ports: { registry, inbox }, environment: {} });
  expect(ran).toMatchObject({
    code: 0,
    opened: 1,
    stderr: 'callseal: profile local (--profile names another)\n',
  });
});

test('doctor shows bad settings as a finding and ends with 8', async () => {
  const environment = { CALLSEAL_PROFILE: 'local', CALLSEAL_BUDGETS__CALLS: '0' };
  const ran = await run('doctor', { environment });
  expect(ran.code).toBe(8);
  expect(ran.stdout).toMatch(/^settings +BAD +budgets\.calls must be at least 1, not 0/m);
});

test('doctor ends with 8 and the hints of what is bad', async () => {
  const checks = async () => [
    { name: 'clock', ok: true, finding: 'right', hint: 'never said' },
    { name: 'key file', ok: false, finding: 'open to others', hint: 'chmod 600 it' },
  ];
  const ran = await run('doctor', { checks });
  expect(ran).toMatchObject({ code: 8, stderr: 'callseal: hint: chmod 600 it\n' });
});

test('audit verify of a damaged chain is exit 4, and of one that ends early too', async () => {
  const none = {
    registry: { chain: async function* () {}, pending: async () => ({ unsequenced: 2, unpublished: 0 }) },
  };
  const head = {
    ...record(
      JSON.stringify({ schema: 'callseal.audit/1', seq: 3, prev: '0'.repeat(64), hash: 'a'.repeat(64) }),
    ),
  };
  const whole = await run('audit verify', { ports: { ...none, events: { last: async () => undefined } } });
  expect(whole.code).toBe(0);
  expect(whole.stderr).toContain('2 audit events are not in the chain yet');
  const cut = await run('audit verify --json', { ports: { ...none, events: { last: async () => head } } });
  expect(cut.code).toBe(4);
  expect(documentsIn(cut.stdout.replaceAll('\n', ''))).toEqual([
    expect.objectContaining({ problemCount: 1 }),
  ]);
});

test('audit verify of a file that is not there is exit 3, and opens nothing when --offline', async () => {
  expect(await run('audit verify nope.ndjson --offline')).toMatchObject({ code: 3, opened: 0 });
});
