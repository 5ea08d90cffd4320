import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { ANSWERS } from '../../src/domain/answers.ts';
import type { Code } from '../../src/domain/errors.ts';
import { type MetricsOptions, promMetrics } from '../../src/ops/metrics.ts';
import { KMS_OPS, STAGES } from '../../src/ports/metrics.ts';
import { seriesOf, valueOf } from './scrape.ts';

const TOPIC = 'callseal.calls.completed';

type Reads = Partial<Pick<MetricsOptions, 'oldestSeconds' | 'auditWaiting' | 'certificateEnds'>>;

function metrics(reads: Reads = {}) {
  return promMetrics({
    version: '1.2.3',
    topics: [TOPIC],
    oldestSeconds: async () => 0,
    auditWaiting: async () => 0,
    certificateEnds: async () => [{ setting: 'kafka.tls.cert', endsAt: new Date(86_400_000) }],
    ...reads,
  });
}

const row = (answer: (typeof ANSWERS)[number], topic = TOPIC, code?: Code) => ({
  origin: { topic, partition: 0, offset: 0 },
  answer,
  code,
  park: undefined,
});

/** What docs/operate-metrics.md and every dashboard count on. */
const NAMES = {
  callseal_messages_total: ['topic', 'outcome'],
  callseal_stage_duration_seconds: ['stage', 'outcome'],
  callseal_inflight_calls: [],
  callseal_inflight_bytes: [],
  callseal_oldest_unprocessed_seconds: [],
  callseal_dlq_messages_total: ['code'],
  callseal_kms_requests_total: ['op', 'outcome'],
  callseal_intake_paused: ['scope', 'code'],
  callseal_audit_published_total: [],
  callseal_audit_waiting_events: [],
  callseal_schedule_runs_total: ['schedule', 'outcome'],
  callseal_schedule_counted_total: ['schedule', 'what'],
  callseal_reconcile_findings: ['code'],
  callseal_reconcile_compared: ['what'],
  callseal_reconcile_in_flight: [],
  callseal_reconcile_last_timestamp_seconds: [],
  callseal_audit_oldest_waiting_seconds: [],
  callseal_certificate_expiry_timestamp_seconds: ['setting'],
  callseal_build_info: ['version'],
} as const;

async function everything() {
  const made = metrics();
  made.working({
    inflightBytes: () => 4096,
    paused: () => [
      { code: 'KMS_DOWN', since: new Date(0) },
      { tenant: 't-1', code: 'KEY_DISABLED', since: new Date(0) },
      { tenant: 't-2', code: 'KEY_DISABLED', since: new Date(0) },
      { tenant: 't-1', alias: 'edge', code: 'SOURCE_DOWN', since: new Date(0) },
    ],
  });
  made.delivery(TOPIC)('ok');
  made.delivery(TOPIC)('retry');
  made.delivery(TOPIC);
  made.answered(row('sealed'));
  made.answered(row('parked', TOPIC, 'EVENT_SHAPE'));
  made.kmsRequest('generate', 'ok');
  made.kmsRequest('unwrap', 'KMS_THROTTLED');
  made.auditPublished(3);
  made.scheduleRan('verify-sample', { calls: 20, failed: 1 });
  made.scheduleRan('verify-sample', { calls: 20, failed: 0 });
  made.scheduleFailed('sweep', 'STORE_DOWN');
  made.reconciled({
    findings: { OUTPUT_MISSING: 2, OUTPUT_DIFFERS: 0 },
    compared: { events: 7 },
    inFlight: 1,
    endedAt: new Date(5_000),
  });
  made.auditLag(12.5);
  return made;
}

test('names and labels are the published ones', async () => {
  const found: Record<string, string[]> = {};
  for (const { name, labels } of seriesOf(await (await everything()).text())) {
    if (!name.startsWith('callseal_')) continue;
    const base = name.replace(/_(bucket|sum|count)$/, '');
    found[base] = Object.keys(labels).filter((label) => label !== 'le');
  }
  expect(Object.keys(found).toSorted()).toEqual(Object.keys(NAMES).toSorted());
  for (const [name, labels] of Object.entries(NAMES)) {
    expect([name, found[name]?.toSorted()]).toEqual([name, [...labels].toSorted()]);
  }
});

test('what was told is counted, what is asked for is read at the scrape', async () => {
  const made = await everything();
  const text = await made.text();
  const values = [
    ['callseal_messages_total', { topic: TOPIC, outcome: 'sealed' }, 1],
    ['callseal_messages_total', { topic: TOPIC, outcome: 'handed-over' }, 1],
    ['callseal_messages_total', { topic: TOPIC, outcome: 'parked' }, 1],
    ['callseal_dlq_messages_total', { code: 'EVENT_SHAPE' }, 1],
    ['callseal_stage_duration_seconds_count', { stage: 'delivery', outcome: 'ok' }, 1],
    ['callseal_kms_requests_total', { op: 'unwrap', outcome: 'KMS_THROTTLED' }, 1],
    ['callseal_inflight_calls', {}, 1],
    ['callseal_inflight_bytes', {}, 4096],
    ['callseal_intake_paused', { scope: 'everybody', code: 'KMS_DOWN' }, 1],
    ['callseal_intake_paused', { scope: 'tenant', code: 'KEY_DISABLED' }, 2],
    ['callseal_intake_paused', { scope: 'alias', code: 'SOURCE_DOWN' }, 1],
    ['callseal_audit_published_total', {}, 3],
    ['callseal_schedule_runs_total', { schedule: 'verify-sample', outcome: 'ok' }, 2],
    ['callseal_schedule_runs_total', { schedule: 'sweep', outcome: 'STORE_DOWN' }, 1],
    ['callseal_schedule_counted_total', { schedule: 'verify-sample', what: 'calls' }, 40],
    ['callseal_schedule_counted_total', { schedule: 'verify-sample', what: 'failed' }, 1],
    ['callseal_certificate_expiry_timestamp_seconds', { setting: 'kafka.tls.cert' }, 86_400],
    ['callseal_build_info', { version: '1.2.3' }, 1],
  ] as const;
  for (const [name, labels, value] of values)
    expect([name, valueOf(text, name, labels)]).toEqual([name, value]);
});

test('a pause that ended is no series any more', async () => {
  const made = metrics();
  let paused = [{ code: 'KMS_DOWN' as const, since: new Date(0) }];
  made.working({ inflightBytes: () => 0, paused: () => paused });
  expect(valueOf(await made.text(), 'callseal_intake_paused')).toBe(1);
  paused = [];
  expect(valueOf(await made.text(), 'callseal_intake_paused')).toBeUndefined();
});

for (const [name, of] of [
  ['callseal_oldest_unprocessed_seconds', 'oldestSeconds'],
  ['callseal_audit_waiting_events', 'auditWaiting'],
] as const) {
  test(`${name} is absent while it cannot be read, and no stale number`, async () => {
    let value: number | undefined = 7;
    const made = metrics({ [of]: async () => value });
    const shown = async () => valueOf(await made.text(), name);
    expect(await shown()).toBe(7);
    value = undefined;
    expect(await shown()).toBeUndefined();
    value = 0;
    expect(await shown()).toBe(0);
  });
}

test('a certificate file that cannot be read any more is no series any more', async () => {
  let ends = [{ setting: 'jobs.ca', endsAt: new Date(1000) }];
  const made = metrics({ certificateEnds: async () => ends });
  const shown = async () =>
    valueOf(await made.text(), 'callseal_certificate_expiry_timestamp_seconds', { setting: 'jobs.ca' });
  expect(await shown()).toBe(1);
  ends = [];
  expect(await shown()).toBeUndefined();
});

const text = fc.oneof(
  fc.string(),
  fc.constantFrom('Jane Doe', '+4915112345678', 'c-1', '__proto__', '"} 1\n'),
);

test('no label is ever an id or free text, whatever comes with the work', async () => {
  const words = new Set<string>([
    TOPIC,
    'other',
    '1.2.3',
    'everybody',
    'tenant',
    'alias',
    'ok',
    'handed-over',
    'kafka.tls.cert',
  ]);
  for (const word of [...ANSWERS, ...STAGES, ...KMS_OPS, 'retry', 'KMS_DOWN', 'BUG']) words.add(word);
  const made = metrics();
  await fc.assert(
    fc.asyncProperty(text, text, text, fc.constantFrom(...ANSWERS), async (topic, tenant, alias, answer) => {
      const paused = { tenant, alias, code: 'KMS_DOWN' as const, since: new Date(0) };
      made.working({ inflightBytes: () => 1, paused: () => [paused] });
      made.delivery(topic)('retry');
      made.answered(row(answer, topic));
      const labels = seriesOf(await made.text())
        .filter(({ name }) => name.startsWith('callseal_'))
        .flatMap((one) => Object.entries(one.labels))
        .filter(([label]) => label !== 'le');
      expect(labels.map(([, word]) => word).filter((word) => !words.has(word))).toEqual([]);
    }),
    { seed: 20261124, numRuns: 100 },
  );
});

test('whatever is told is movement', async () => {
  const made = metrics();
  const told: readonly (() => unknown)[] = [
    () => made.working({ inflightBytes: () => 0, paused: () => [] }),
    () => made.delivery(TOPIC)('ok'),
    () => made.answered(row('sealed')),
    () => made.stage('store', 'pause', 1),
    () => made.kmsRequest('ensure', 'ok'),
    () => made.moved(),
  ];
  for (const tell of told) {
    while (made.sinceMovedMs() < 1) await new Promise(setImmediate);
    const before = made.sinceMovedMs();
    tell();
    expect(made.sinceMovedMs()).toBeLessThan(before);
  }
});
