import { setTimeout as sleep } from 'node:timers/promises';
import type { IntakePauses } from '../ports/parked.ts';
import type { Intake } from './intake.ts';

/** How late a running worker may notice that an operator paused or resumed a tenant, in milliseconds. */
export const PAUSES_EVERY_MS = 2_000;

export interface OperatorPausesParts {
  readonly registry: Pick<IntakePauses, 'intakePauses'>;
  readonly intake: Pick<Intake, 'holdTenants'>;
  readonly everyMs: number;
}

/**
 * Holds back the tenants that operators have paused for as long as `work` goes on: read before it begins, so a pause
 * survives a restart, and again and again beside it. While the registry is away, what was read last holds.
 *
 * @throws CallsealError REGISTRY_DOWN - before `work` began; else whatever `work` throws
 */
export async function withOperatorPauses<T>(
  parts: OperatorPausesParts,
  work: () => Promise<T>,
  signal: AbortSignal,
): Promise<T> {
  await readPauses(parts, signal);
  const ended = new AbortController();
  const following = followPauses(parts, AbortSignal.any([signal, ended.signal]));
  try {
    return await work();
  } finally {
    ended.abort();
    await following;
  }
}

async function followPauses(parts: OperatorPausesParts, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await sleep(parts.everyMs, undefined, { signal, ref: false }).catch(() => undefined);
    if (!signal.aborted) await readPauses(parts, signal).catch(() => undefined);
  }
}

async function readPauses({ registry, intake }: OperatorPausesParts, signal: AbortSignal): Promise<void> {
  const pauses = await registry.intakePauses(signal);
  intake.holdTenants(pauses.map(({ tenant, at }) => ({ tenant, since: new Date(at) })));
}
