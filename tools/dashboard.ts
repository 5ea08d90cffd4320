// deploy/grafana/callseal.json, from the list of panels below. A test fails where the file differs from what this makes,
// and where a query names a metric that the product does not have.
// usage: node tools/dashboard.ts   (make docs)
import { writeFile } from 'node:fs/promises';

export const DASHBOARD_FILE = 'deploy/grafana/callseal.json';

/** Units as Grafana names them. */
type Unit = 'short' | 's' | 'bytes' | 'percentunit' | 'ops' | 'dateTimeFromNow';

interface Panel {
  readonly title: string;
  /** What a person should read from it. */
  readonly says: string;
  readonly unit: Unit;
  /** Legend by query. */
  readonly queries: Readonly<Record<string, string>>;
  readonly kind?: 'stat' | 'timeseries' | 'table';
}

const QUANTILE = (q: number, stage: string): string =>
  `histogram_quantile(${q}, sum by (le) (rate(callseal_stage_duration_seconds_bucket{stage="${stage}",outcome="ok"}[5m])))`;

const ROWS: Readonly<Record<string, readonly Panel[]>> = {
  'Is it well?': [
    {
      title: 'Workers',
      says: 'Processes that are scraped, by version: two versions are a rollout.',
      unit: 'short',
      kind: 'stat',
      queries: { '{{version}}': 'count by (version) (callseal_build_info)' },
    },
    {
      title: 'Oldest record that is not done',
      says: 'The one number that says whether calls wait.',
      unit: 's',
      kind: 'stat',
      queries: { oldest: 'max(callseal_oldest_unprocessed_seconds)' },
    },
    {
      title: 'Parked, of 99.9 %',
      says: 'Share of deliveries parked over three days; the objective allows 0.1 %.',
      unit: 'percentunit',
      kind: 'stat',
      queries: { parked: 'callseal:parked:ratio3d' },
    },
    {
      title: 'Slower than 60 s, of 99 %',
      says: 'Share of deliveries over three days; the objective allows 1 %.',
      unit: 'percentunit',
      kind: 'stat',
      queries: { slow: 'callseal:slow:ratio3d' },
    },
  ],
  Deliveries: [
    {
      title: 'Answers',
      says: 'What deliveries came to. `handed-over` is put off, not answered.',
      unit: 'ops',
      queries: { '{{outcome}}': 'sum by (outcome) (rate(callseal_messages_total[5m]))' },
    },
    {
      title: 'How long a delivery takes',
      says: 'From the hand of a worker to the decision; the wait before it is the lag.',
      unit: 's',
      queries: { half: QUANTILE(0.5, 'delivery'), '99 %': QUANTILE(0.99, 'delivery') },
    },
    {
      title: 'Where the time goes, 95 %',
      says: 'Which dependency a slow delivery waits for.',
      unit: 's',
      queries: {
        source: QUANTILE(0.95, 'source'),
        key: QUANTILE(0.95, 'key'),
        store: QUANTILE(0.95, 'store'),
        decision: QUANTILE(0.95, 'decision'),
      },
    },
    {
      title: 'Dead letters',
      says: 'Deliveries parked in an hour, by cause.',
      unit: 'short',
      queries: { '{{code}}': 'sum by (code) (increase(callseal_dlq_messages_total[1h]))' },
    },
  ],
  'What it waits for': [
    {
      title: 'Pauses',
      says: 'Who waits and why; everybody, a tenant, or an alias of one.',
      unit: 'short',
      queries: { '{{scope}} {{code}}': 'sum by (scope, code) (callseal_intake_paused)' },
    },
    {
      title: 'Requests to the key service',
      says: 'Throttling and refusals stand beside `ok`.',
      unit: 'ops',
      queries: { '{{op}} {{outcome}}': 'sum by (op, outcome) (rate(callseal_kms_requests_total[5m]))' },
    },
    {
      title: 'Calls in flight',
      says: 'A worker at budgets.calls has no room: start another one.',
      unit: 'short',
      queries: { '{{instance}}': 'callseal_inflight_calls' },
    },
    {
      title: 'Part buffers in flight',
      says: 'Never above budgets.memory.',
      unit: 'bytes',
      queries: { '{{instance}}': 'callseal_inflight_bytes' },
    },
  ],
  Beside: [
    {
      title: 'Audit events that wait',
      says: 'Above zero for a moment is normal; above zero while none is published is a relay that stands.',
      unit: 'short',
      queries: {
        waiting: 'max(callseal_audit_waiting_events)',
        'seconds the oldest waited': 'max(callseal_audit_oldest_waiting_seconds)',
        'published in 5 min': 'sum(increase(callseal_audit_published_total[5m]))',
      },
    },
    {
      title: 'Schedules',
      says: 'Runs in a day, by how they ended.',
      unit: 'short',
      queries: {
        '{{schedule}} {{outcome}}': 'sum by (schedule, outcome) (increase(callseal_schedule_runs_total[1d]))',
      },
    },
    {
      title: 'What the checks found',
      says: 'Any number but zero needs a person.',
      unit: 'short',
      queries: {
        '{{schedule}}':
          'sum by (schedule) (increase(callseal_schedule_counted_total{what=~"failed|findings"}[1d]))',
      },
    },
    {
      title: 'Certificates end',
      says: 'By the setting that names the file.',
      unit: 'dateTimeFromNow',
      kind: 'stat',
      queries: { '{{setting}}': 'min by (setting) (callseal_certificate_expiry_timestamp_seconds) * 1000' },
    },
  ],
  Processes: [
    {
      title: 'Memory',
      says: 'Resident; flat, whatever the length of a call.',
      unit: 'bytes',
      queries: { '{{instance}}': 'process_resident_memory_bytes{job=~".*callseal.*"}' },
    },
    {
      title: 'CPU',
      says: 'Seconds a second: at 1 a worker has used up its core.',
      unit: 'short',
      queries: { '{{instance}}': 'rate(process_cpu_seconds_total{job=~".*callseal.*"}[5m])' },
    },
  ],
};

/** Every query, for the tests. */
export function dashboardQueries(): string[] {
  return Object.values(ROWS).flatMap((panels) => panels.flatMap(({ queries }) => Object.values(queries)));
}

const WIDTH = 24;
const HEIGHT = 8;
const DATA_SOURCE = { type: 'prometheus', uid: `\${datasource}` };

export function dashboard(): string {
  const panels: object[] = [];
  let y = 0;
  for (const [title, row] of Object.entries(ROWS)) {
    panels.push({ id: panels.length + 1, type: 'row', title, gridPos: { x: 0, y: y++, w: WIDTH, h: 1 } });
    const w = WIDTH / Math.max(row.length, 2);
    for (const [index, panel] of row.entries()) {
      panels.push(panelJson(panel, panels.length + 1, { x: index * w, y, w, h: HEIGHT }));
    }
    y += HEIGHT;
  }
  return `${JSON.stringify({ ...FRAME, panels }, null, 2)}\n`;
}

function panelJson({ title, says, unit, queries, kind }: Panel, id: number, gridPos: object): object {
  return {
    id,
    type: kind ?? 'timeseries',
    title,
    description: says,
    gridPos,
    datasource: DATA_SOURCE,
    fieldConfig: { defaults: { unit }, overrides: [] },
    targets: Object.entries(queries).map(([legendFormat, expr], index) => ({
      refId: String.fromCharCode('A'.charCodeAt(0) + index),
      datasource: DATA_SOURCE,
      expr,
      legendFormat,
    })),
  };
}

const FRAME = {
  uid: 'callseal',
  title: 'callseal',
  schemaVersion: 39,
  tags: ['callseal'],
  time: { from: 'now-6h', to: 'now' },
  refresh: '1m',
  timezone: 'utc',
  editable: false,
  templating: { list: [{ name: 'datasource', type: 'datasource', query: 'prometheus', current: {} }] },
};

if (import.meta.main) await writeFile(DASHBOARD_FILE, dashboard());
