import { fault } from '../domain/crash-points.ts';
import { attemptOf, attemptPrefix } from '../domain/object-names.ts';
import type { Objects } from '../ports/objects.ts';
import type { AuditLog, SweepableAttempt, Sweeping } from '../ports/registry.ts';
import type { Auditor } from './auditor.ts';
import { isTombstoneName } from './tombstone-objects.ts';

const HOUR_MS = 3_600_000;

export interface SweepTimes {
  /** An open attempt unseen for so long is abandoned; a command's intent so old is closed as unknown. */
  readonly unseenMs: number;
  /** Objects of an attempt that ended so long ago are deleted. */
  readonly graceMs: number;
  /** After the last deletion so much time must pass with an empty listing: a zombie may still put. */
  readonly quietMs: number;
}

export const SWEEP_TIMES: SweepTimes = {
  unseenMs: 24 * HOUR_MS,
  graceMs: 7 * 24 * HOUR_MS,
  quietMs: 7 * 24 * HOUR_MS,
};

/** Attempts looked at in one sweep; the rest waits for the next one. */
const BATCH = 1_000;

export interface SweepParts {
  readonly registry: Sweeping & Pick<AuditLog, 'append'>;
  readonly objects: Objects;
  readonly auditor: Auditor;
  readonly times: SweepTimes;
}

export interface SweepReport {
  readonly abandoned: number;
  readonly intentsClosed: number;
  readonly attempts: number;
  readonly swept: number;
  /** Gone, as the store says; in a dry run what would be deleted. */
  readonly deleted: readonly string[];
  /** Still there after deletion, with versions: a lock or a hold of the store. */
  readonly left: readonly string[];
  /** Under an attempt that this registry does not know: reported, never deleted. */
  readonly unknown: readonly string[];
}

/**
 * Deletes what attempts that ended without a receipt left behind; works from their rows, never from "listed minus
 * receipts" (docs/architecture.md, "The sweep"). With `dryRun` nothing changes, and the report says what would.
 */
export async function sweep(parts: SweepParts, dryRun: boolean, signal: AbortSignal): Promise<SweepReport> {
  const abandoned = dryRun ? 0 : await abandon(parts, signal);
  const intentsClosed = dryRun ? 0 : await closeIntents(parts, signal);
  const attempts = await parts.registry.sweepable(parts.times.graceMs, BATCH, signal);
  const deleted: string[] = [];
  const left: string[] = [];
  let swept = 0;
  for (const attempt of attempts) {
    const names = await objectsOf(parts, attempt, signal);
    for (const name of names) {
      const kept = dryRun ? [] : await remove(parts, attempt, name, signal);
      left.push(...kept);
      if (kept.length === 0) deleted.push(name);
    }
    if (dryRun) continue;
    const empty = names.length === 0;
    if (empty && (await parts.registry.markSwept(attempt.uid, parts.times.quietMs, signal))) swept++;
  }
  const unknown = await unknownObjects(parts, signal);
  return { abandoned, intentsClosed, attempts: attempts.length, swept, deleted, left, unknown };
}

async function abandon({ registry, auditor, times }: SweepParts, signal: AbortSignal): Promise<number> {
  const factOf = ({ uid, tenant }: SweepableAttempt) =>
    auditor.fact('attempt.abandon', { tenant, subject: { kind: 'attempt', uid } });
  return await registry.abandonAttempts(times.unseenMs, factOf, signal);
}

async function closeIntents({ registry, auditor, times }: SweepParts, signal: AbortSignal): Promise<number> {
  return await registry.closeDanglingIntents(
    times.unseenMs,
    (intent) => auditor.end(intent, { status: 'unknown' }),
    signal,
  );
}

async function objectsOf(
  { registry, objects }: SweepParts,
  { tenant, callUid, uid }: SweepableAttempt,
  signal: AbortSignal,
): Promise<string[]> {
  const names = new Set<string>();
  for await (const { name } of objects.list(attemptPrefix(tenant, callUid, uid), signal)) {
    // A lost attempt's objects are in no receipt; asked again, since this is the one place that deletes.
    if (!(await registry.isNamed(name, signal))) names.add(name);
  }
  return [...names];
}

async function remove(
  { registry, objects, auditor }: SweepParts,
  { uid, tenant }: SweepableAttempt,
  name: string,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const subject = { kind: 'attempt', uid } as const;
  await registry.noteDeletion(uid, [auditor.fact('object.delete', { tenant, subject })], signal);
  fault('before-object-delete');
  const left = await objects.remove(name, signal);
  fault('after-object-delete');
  return left;
}

async function unknownObjects({ registry, objects }: SweepParts, signal: AbortSignal): Promise<string[]> {
  const known = new Map<string, boolean>();
  const unknown: string[] = [];
  for await (const { name } of objects.list('', signal)) {
    if (isTombstoneName(name)) continue;
    const attempt = attemptOf(name) ?? '';
    if (!known.has(attempt)) known.set(attempt, (await registry.attemptState(attempt, signal)) !== undefined);
    if (!known.get(attempt)) unknown.push(name);
  }
  return unknown;
}
