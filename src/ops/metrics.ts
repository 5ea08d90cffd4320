import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import type { Metrics, WorkerView } from '../ports/metrics.ts';
import type { CertificateEnd } from './certificate-ends.ts';
import { reconcileMetrics } from './reconcile-metrics.ts';

/** What the numbers are made of that nobody tells: asked for at each scrape. */
export interface MetricsOptions {
  readonly version: string;
  /** The inbox topics of the settings. Any other name becomes `other`: it may have come with a record. */
  readonly topics: readonly string[];
  /** Age of the oldest record that is not done, in seconds; 0 where none waits, undefined where it cannot be read. */
  readonly oldestSeconds: () => Promise<number | undefined>;
  /** Audit events that the relay has not published; undefined where the registry cannot be read. */
  readonly auditWaiting: () => Promise<number | undefined>;
  /** When each certificate file of the settings ends, as it is on the disk now. */
  readonly certificateEnds: () => Promise<readonly CertificateEnd[]>;
}

export interface PromMetrics extends Metrics {
  readonly contentType: string;
  /** In the text format of Prometheus. */
  text(): Promise<string>;
  /** Deliveries that the handler has now. */
  inflightCalls(): number;
  view(): WorkerView | undefined;
  /** Monotonic milliseconds since something last began, ended or moved. */
  sinceMovedMs(): number;
}

/** From a KMS request that takes 2 ms to an hour of audio over a slow line. */
const BUCKETS = [0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800];

/** The metrics of one process (docs/operate-metrics.md lists them), beside those of Node.js and the process itself. */
export function promMetrics(options: MetricsOptions): PromMetrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const state: State = { view: undefined, inflight: 0, movedAt: performance.now() };
  askedMetrics(registry, options, state);
  return {
    ...tellers(toldMetrics(registry), options.topics, state),
    ...reconcileMetrics(registry),
    contentType: registry.contentType,
    text: async () => await registry.metrics(),
    inflightCalls: () => state.inflight,
    view: () => state.view,
    sinceMovedMs: () => performance.now() - state.movedAt,
  };
}

/** What is told, as numbers and movement. */
function tellers(
  { messages, stages, deadLetters, kms, audit, runs, found }: ReturnType<typeof toldMetrics>,
  topics: readonly string[],
  state: State,
): Omit<Metrics, 'reconciled' | 'auditLag'> {
  const moved = (): void => {
    state.movedAt = performance.now();
  };
  const topicLabel = (topic: string): string => (topics.includes(topic) ? topic : 'other');
  const stage: Metrics['stage'] = (name, outcome, seconds) => {
    moved();
    stages.observe({ stage: name, outcome }, seconds);
  };
  return {
    working: (view) => {
      moved();
      state.view = view;
    },
    delivery: (topic) => {
      moved();
      state.inflight++;
      const from = performance.now();
      return (outcome) => {
        state.inflight--;
        stage('delivery', outcome, (performance.now() - from) / 1000);
        if (outcome === 'retry') messages.inc({ topic: topicLabel(topic), outcome: 'handed-over' });
      };
    },
    answered: ({ origin, answer, code, park }) => {
      moved();
      messages.inc({ topic: topicLabel(origin.topic), outcome: answer });
      if (answer === 'parked') deadLetters.inc({ code: park?.code ?? code ?? 'BUG' });
    },
    stage,
    kmsRequest: (op, outcome) => {
      moved();
      kms.inc({ op, outcome });
    },
    auditPublished: (events) => audit.inc(events),
    scheduleRan: (schedule, counts) => {
      runs.inc({ schedule, outcome: 'ok' });
      for (const [what, count] of Object.entries(counts)) found.inc({ schedule, what }, count);
    },
    scheduleFailed: (schedule, code) => runs.inc({ schedule, outcome: code }),
    moved,
  };
}

interface State {
  view: WorkerView | undefined;
  inflight: number;
  movedAt: number;
}

/** Counted as it happens. */
function toldMetrics(registry: Registry) {
  const registers = [registry];
  return {
    messages: new Counter({
      name: 'callseal_messages_total',
      help: 'Deliveries that were answered or handed over to the retry topic, by the inbox topic they came in',
      labelNames: ['topic', 'outcome'],
      registers,
    }),
    stages: new Histogram({
      name: 'callseal_stage_duration_seconds',
      help: 'How long a delivery took, and inside it source, key, store and decision',
      labelNames: ['stage', 'outcome'],
      buckets: BUCKETS,
      registers,
    }),
    deadLetters: new Counter({
      name: 'callseal_dlq_messages_total',
      help: 'Deliveries parked in the dead letters, by cause',
      labelNames: ['code'],
      registers,
    }),
    kms: new Counter({
      name: 'callseal_kms_requests_total',
      help: 'Requests to the key service, by how they ended',
      labelNames: ['op', 'outcome'],
      registers,
    }),
    audit: new Counter({
      name: 'callseal_audit_published_total',
      help: 'Audit events that the relay of this process published',
      registers,
    }),
    runs: new Counter({
      name: 'callseal_schedule_runs_total',
      help: 'Runs of the schedules by this process, by how they ended',
      labelNames: ['schedule', 'outcome'],
      registers,
    }),
    found: new Counter({
      name: 'callseal_schedule_counted_total',
      help: 'What the schedules counted in their runs',
      labelNames: ['schedule', 'what'],
      registers,
    }),
  };
}

/** Read when somebody scrapes. */
function askedMetrics(
  registry: Registry,
  { version, oldestSeconds, auditWaiting, certificateEnds }: MetricsOptions,
  state: State,
): void {
  const registers = [registry];
  const gauge = (name: string, help: string, value: () => number): void => {
    const made: Gauge = new Gauge({ name, help, registers, collect: () => made.set(value()) });
  };
  gauge('callseal_inflight_calls', 'Deliveries being worked on', () => state.inflight);
  gauge(
    'callseal_inflight_bytes',
    'Bytes of part buffers that are out',
    () => state.view?.inflightBytes() ?? 0,
  );
  readGauge(
    registry,
    'callseal_oldest_unprocessed_seconds',
    'Age of the oldest record in the inbox that is not done; absent where the inbox cannot be read',
    oldestSeconds,
  );
  readGauge(
    registry,
    'callseal_audit_waiting_events',
    'Audit events that are not published yet; absent where the registry cannot be read',
    auditWaiting,
  );
  certificateGauge(registry, certificateEnds);
  const paused: Gauge<'scope' | 'code'> = new Gauge({
    name: 'callseal_intake_paused',
    help: 'Pauses of the intake, by whom they concern (everybody, tenant, alias) and why',
    labelNames: ['scope', 'code'],
    registers,
    collect: () => {
      paused.reset();
      for (const { code, ...scope } of state.view?.paused() ?? [])
        paused.inc({ scope: scopeWord(scope), code });
    },
  });
  new Gauge({
    name: 'callseal_build_info',
    help: 'Always 1; the version stands in its label',
    labelNames: ['version'],
    registers,
  }).set({ version }, 1);
}

/** A gauge that has no value while what it is read from is away: a stale number would look like a good one. */
function readGauge(
  registry: Registry,
  name: string,
  help: string,
  read: () => Promise<number | undefined>,
): void {
  const gauge: Gauge = new Gauge({
    name,
    help,
    registers: [registry],
    collect: async () => {
      const value = await read();
      if (value === undefined) gauge.remove();
      else gauge.set(value);
    },
  });
}

function certificateGauge(registry: Registry, ends: MetricsOptions['certificateEnds']): void {
  const gauge: Gauge<'setting'> = new Gauge({
    name: 'callseal_certificate_expiry_timestamp_seconds',
    help: 'When the certificate in the file of a setting ends, as Unix time; absent where it cannot be read',
    labelNames: ['setting'],
    registers: [registry],
    collect: async () => {
      gauge.reset();
      for (const { setting, endsAt } of await ends()) gauge.set({ setting }, endsAt.getTime() / 1000);
    },
  });
}

/** Whom a pause concerns, without saying who it is. */
export function scopeWord(scope: { readonly tenant?: string; readonly alias?: string }): string {
  if (scope.tenant === undefined) return 'everybody';
  return scope.alias === undefined ? 'tenant' : 'alias';
}
