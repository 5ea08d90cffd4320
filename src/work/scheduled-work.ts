import { newUid } from '../domain/ids.ts';
import type { Inbox } from '../ports/inbox.ts';
import type { Metrics } from '../ports/metrics.ts';
import type { Reconciling } from '../ports/reconciling.ts';
import type { AuditLog, Catalogue, Sweeping } from '../ports/registry.ts';
import { confidenceSentence } from './confidence.ts';
import { RECONCILE_CODES, type ReconcileReport } from './reconcile/findings.ts';
import { lastReconciliation } from './reconcile/last-reconciliation.ts';
import type { ReconcileParts } from './reconcile/parts.ts';
import { MOST_BACK_MS, reconcile } from './reconcile/reconcile.ts';
import type { ScheduledWork } from './schedules.ts';
import { SWEEP_TIMES, sweep } from './sweep.ts';
import { type VerifyParts, verifyReceipt } from './verify-calls.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
const DAY_MS = 24 * HOUR_MS;
/** Calls a day. All good for a month: with 95 % confidence fewer than 0.5 % of the calls are damaged. */
const SAMPLE = 20;
/** An audit event that waits for longer is no delay of the relay any more: nobody outside can see what is done. */
const RELAY_LATE_MS = 5 * MINUTE_MS;

type Numbers = Readonly<Record<string, number>>;

export interface ScheduledParts
  extends VerifyParts,
    Omit<ReconcileParts, 'registry' | 'objects' | 'auditor'> {
  readonly inbox: Pick<Inbox, 'records' | 'removeExpired'>;
  readonly registry: VerifyParts['registry'] &
    ReconcileParts['registry'] &
    Pick<Catalogue, 'sealedCalls' | 'auditOf'> &
    Reconciling &
    Sweeping &
    Pick<AuditLog, 'append'>;
  readonly metrics?: Pick<Metrics, 'reconciled' | 'auditLag'> | undefined;
}

/** What every worker schedules. Plans and state are in the registry: whoever writes the queue can start nothing else. */
export function scheduledWork(parts: ScheduledParts): readonly ScheduledWork[] {
  return [
    { name: 'sweep', everyMs: HOUR_MS, run: async (signal) => await sweepNow(parts, signal) },
    {
      name: 'verify-sample',
      everyMs: DAY_MS,
      run: async (signal) => await verifySample(parts, SAMPLE, signal),
      says: ({ calls = 0, damagedCalls = 0 }) => confidenceSentence(calls, damagedCalls),
    },
    { name: 'reconcile', everyMs: DAY_MS, run: async (signal) => await reconcileNow(parts, signal) },
    relayLag(parts),
    {
      name: 'retention',
      everyMs: HOUR_MS,
      run: async (signal) => ({ removed: await parts.inbox.removeExpired(signal) }),
    },
  ];
}

async function sweepNow(
  { registry, objects, auditor }: ScheduledParts,
  signal: AbortSignal,
): Promise<Numbers> {
  const report = await sweep({ registry, objects, auditor, times: SWEEP_TIMES }, false, signal);
  const { abandoned, intentsClosed, attempts, swept, deleted, left, unknown } = report;
  return {
    abandoned,
    intentsClosed,
    attempts,
    swept,
    deleted: deleted.length,
    left: left.length,
    unknown: unknown.length,
  };
}

/** Calls at random, each artifact audited as by `callseal verify`. `failed` above 0 needs a person. */
async function verifySample(parts: ScheduledParts, count: number, signal: AbortSignal): Promise<Numbers> {
  const found = { calls: 0, damagedCalls: 0, objects: 0, bytes: 0, failed: 0, gone: 0 };
  for (const { tenant, call } of await parts.registry.sealedCalls(newUid(), count, signal)) {
    const receipt = await parts.registry.currentReceipt(tenant, call, signal);
    if (receipt === undefined) continue;
    found.calls++;
    const failedBefore = found.failed;
    for await (const { result, sealedBytes } of verifyReceipt(parts, receipt, signal)) {
      found.objects++;
      found.bytes += sealedBytes;
      if (result !== 'ok') found[result]++;
    }
    if (found.failed > failedBefore) found.damagedCalls++;
  }
  return found;
}

/**
 * From an hour before the last reconciliation on, whoever ran it: a night that was missed is made good, as far as the
 * topics keep. At least a day, so that one that ran by day narrows nothing.
 */
async function reconcileNow(parts: ScheduledParts, signal: AbortSignal): Promise<Numbers> {
  const now = parts.now().getTime();
  const last = await lastReconciliation(parts.registry, signal);
  const sinceLast = last === undefined ? MOST_BACK_MS : now - Date.parse(last.at);
  // An hour less than the most: the clock goes on until the reconciliation looks at it.
  const back = Math.min(Math.max(sinceLast, DAY_MS) + HOUR_MS, MOST_BACK_MS - HOUR_MS);
  const report = await reconcile(parts, { since: new Date(now - back) }, signal);
  parts.metrics?.reconciled({
    findings: { ...noFindings(), ...report.byCode },
    compared: report.compared,
    inFlight: report.inFlight,
    endedAt: parts.now(),
  });
  return countsOf(report);
}

function noFindings(): Record<string, number> {
  return Object.fromEntries(RECONCILE_CODES.map((code) => [code, 0]));
}

/** Those codes that were found stand beside their sum. */
function countsOf({ compared, findings, byCode, inFlight, repeated }: ReconcileReport): Numbers {
  return { ...compared, findings, inFlight, repeated, ...byCode };
}

function relayLag({ registry, metrics, now }: ScheduledParts): ScheduledWork {
  let seconds = 0;
  return {
    name: 'relay-lag',
    everyMs: RELAY_LATE_MS,
    run: async (signal) => {
      const oldest = await registry.oldestUnpublished(signal);
      seconds = oldest === undefined ? 0 : Math.max(0, now().getTime() - Date.parse(oldest)) / 1000;
      metrics?.auditLag(seconds);
      return { findings: seconds * 1000 > RELAY_LATE_MS ? 1 : 0 };
    },
    says: ({ findings }) =>
      findings ? `the oldest audit event has been waiting for ${Math.round(seconds)} s` : undefined,
  };
}
