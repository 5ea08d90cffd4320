import { newUid } from '../domain/ids.ts';
import type { AuditLog, Catalogue, Sweeping } from '../ports/registry.ts';
import type { ScheduledWork } from './schedules.ts';
import { SWEEP_TIMES, sweep } from './sweep.ts';
import { type VerifyParts, verifyReceipt } from './verify-calls.ts';

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** Calls a day. All good for a month: with 95 % confidence fewer than 0.5 % of the calls are damaged. */
const SAMPLE = 20;

export interface ScheduledParts extends VerifyParts {
  readonly registry: VerifyParts['registry'] &
    Pick<Catalogue, 'sealedCalls'> &
    Sweeping &
    Pick<AuditLog, 'append'>;
}

/** What every worker schedules. Plans and state are in the registry: whoever writes the queue can start nothing else. */
export function scheduledWork(parts: ScheduledParts): readonly ScheduledWork[] {
  return [
    { name: 'sweep', everyMs: HOUR_MS, run: async (signal) => await sweepNow(parts, signal) },
    {
      name: 'verify-sample',
      everyMs: DAY_MS,
      run: async (signal) => await verifySample(parts, SAMPLE, signal),
    },
  ];
}

async function sweepNow({ registry, objects, auditor }: ScheduledParts, signal: AbortSignal) {
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
async function verifySample(parts: ScheduledParts, count: number, signal: AbortSignal) {
  const found = { calls: 0, objects: 0, bytes: 0, failed: 0, gone: 0 };
  for (const { tenant, call } of await parts.registry.sealedCalls(newUid(), count, signal)) {
    const receipt = await parts.registry.currentReceipt(tenant, call, signal);
    if (receipt === undefined) continue;
    found.calls++;
    for await (const { result, sealedBytes } of verifyReceipt(parts, receipt, signal)) {
      found.objects++;
      found.bytes += sealedBytes;
      if (result !== 'ok') found[result]++;
    }
  }
  return found;
}
