import { expect, test } from 'vitest';
import { CallsealError } from '../../src/domain/errors.ts';
import { createLog, type Log } from '../../src/ops/log.ts';
import { logObserver } from '../../src/ops/log-observer.ts';

function lines(write: (log: Log) => void): Record<string, unknown>[] {
  const written: string[] = [];
  write(createLog('info', { write: (line: string) => void written.push(line) }));
  return written.map((line) => JSON.parse(line) as Record<string, unknown>);
}

const line = (fields: object): Record<string, unknown> | undefined =>
  lines((log) => log.info('call answered', fields))[0];

test('a line says what happened, when, and which call, in ids and codes', () => {
  const origin = { topic: 'callseal.calls.completed', partition: 0, offset: 7 };
  expect(
    line({ tenant: 'demo', call: 'c-1', answer: 'parked', code: 'EVENT_SHAPE', origin, replay: 0 }),
  ).toMatchObject({
    level: 'info',
    event: 'call answered',
    time: expect.stringMatching(/^\d{4}-.*Z$/),
    tenant: 'demo',
    call: 'c-1',
    answer: 'parked',
    code: 'EVENT_SHAPE',
    origin: 'callseal.calls.completed/0/7',
    replay: 0,
  });
});

test('a field that is not on the list is dropped and counted, whatever it holds', () => {
  const said = line({
    tenant: 'demo',
    secret: 'hunter2',
    nested: { deep: { secret: Buffer.from('hunter2') } },
  });
  expect(said).toMatchObject({ tenant: 'demo', dropped: 2 });
  expect(JSON.stringify(said)).not.toContain('hunter2');
});

test('what is no id is not logged where an id belongs', () => {
  for (const call of ['Jane Doe', '+4915112345678', 'jane@example.org', 'a\u001b[2Jb', '', 'x'.repeat(129)]) {
    const said = line({ tenant: 'demo', call });
    expect(said).not.toHaveProperty('call');
    expect(said).toMatchObject({ dropped: 1 });
  }
});

test('of an error of ours the message is kept, of any other only class, code and place', () => {
  const cause = new SyntaxError('Unexpected token: Jane Doe');
  const said = JSON.stringify(
    line({ error: new CallsealError('EVENT_NOT_JSON', 'the event is no JSON', { cause }) }),
  );
  expect(said).toContain('the event is no JSON');
  expect(said).toContain('"code":"EVENT_NOT_JSON"');
  expect(said).toContain('SyntaxError');
  expect(said).not.toContain('Jane Doe');
});

test('what is below the level is not written', () => {
  expect(lines((log) => log.debug('call answered'))).toEqual([]);
});

test('of sentences only those are logged that can hold no name, number or address', () => {
  const says = 'none of 20 calls is damaged: with 95 % confidence at most 13.92 % of all calls are';
  expect(line({ says })).toMatchObject({ says });
  for (const other of ['Jane Doe called', 'call +49151', 'jane@example.org', 'a\nb', 'x'.repeat(201)]) {
    expect(line({ says: other })).not.toHaveProperty('says');
  }
});

test('a schedule that found something is an error, with counts and what they mean', () => {
  const ran = (counts: Record<string, number>, says?: string) =>
    lines((log) => logObserver(log).scheduleRan('reconcile', counts, says))[0];
  expect(ran({ findings: 0, events: 7 })).toMatchObject({
    level: 'info',
    counts: { findings: 0, events: 7 },
  });
  expect(ran({ findings: 1, OUTPUT_MISSING: 1 })).toMatchObject({ level: 'error', schedule: 'reconcile' });
  expect(ran({ failed: 1 }, '1 of 20 calls is damaged')).toMatchObject({
    level: 'error',
    says: '1 of 20 calls is damaged',
  });
});
