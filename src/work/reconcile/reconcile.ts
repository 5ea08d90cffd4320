import { CallsealError } from '../../domain/errors.ts';
import type { Scratch } from '../../ports/scratch.ts';
import { compareAnswers } from './compare-answers.ts';
import { compareEvents } from './compare-events.ts';
import { compareOutputs } from './compare-outputs.ts';
import { compareSources, type Listed, noteListing } from './compare-sources.ts';
import { COMPARED, type ReconcileReport } from './findings.ts';
import { REGISTRY_SUBJECT } from './last-reconciliation.ts';
import type { ListedSource } from './listing.ts';
import type { ReconcileParts, Run } from './parts.ts';
import { createTally, type ReconcileWatcher } from './tally.ts';

const DAY_MS = 86_400_000;
/** Inbox topics keep seven days; what the broker is deleting just now would be missed for nothing. */
export const MOST_BACK_MS = 6 * DAY_MS;
/** Whoever asked for the most read the clock a moment earlier. */
const SLACK_MS = 60_000;

export interface ReconcileOptions extends ReconcileWatcher {
  /** Events, answers and outputs from then on. */
  readonly since: Date;
  /** What a source store holds; absent: sources are not compared. */
  readonly listing?: AsyncIterable<ListedSource>;
}

/**
 * Events against answers, answers against receipts, keys, objects and outputs, outputs against answers, and a listing
 * of a source store against events and receipts (docs/reconcile.md). Memory holds one batch; what must be remembered
 * lies on disk. Changes nothing and leaves one audit event with its counts.
 *
 * @throws CallsealError USAGE - further back than the inbox topics keep
 * @throws CallsealError with a disposition of pause: something is away, so nothing can be said
 */
export async function reconcile(
  parts: ReconcileParts,
  { since, listing, ...watcher }: ReconcileOptions,
  signal: AbortSignal,
): Promise<ReconcileReport> {
  const until = parts.now();
  if (until.getTime() - since.getTime() > MOST_BACK_MS + SLACK_MS) {
    throw new CallsealError('USAGE', 'a reconciliation looks back six days at most: topics keep seven', {
      hint: 'run it nightly, as a worker that stays does by itself',
    });
  }
  const scratch = await parts.openScratch();
  try {
    const run = begin(parts, { since, until, watcher, scratch, withSources: listing !== undefined });
    const listed = scratch.map<Listed>('listed');
    if (listing) await noteListing(listed, listing, signal);
    await compareEvents(run, signal);
    await compareAnswers(run, signal);
    await compareOutputs(run, signal);
    if (listing) await compareSources(run, listed, scratch.map('unannounced'), signal);
    return await finish(run, signal);
  } finally {
    scratch.close();
  }
}

function begin(
  parts: ReconcileParts,
  given: {
    readonly since: Date;
    readonly until: Date;
    readonly watcher: ReconcileWatcher;
    readonly scratch: Scratch;
    readonly withSources: boolean;
  },
): Run {
  const { since, until, watcher, scratch, withSources } = given;
  return {
    ...parts,
    since,
    until,
    withSources,
    tally: createTally(since, until, watcher),
    seenEvents: scratch.map('events'),
    unanswered: scratch.map('unanswered'),
    outputsDue: scratch.map('outputs'),
    announced: scratch.map('announced'),
    sealedSources: scratch.map('sealed-sources'),
  };
}

async function finish({ tally, registry, auditor, now, until }: Run, signal: AbortSignal) {
  const report = tally.report();
  const { findings, inFlight } = report;
  const compared = COMPARED.reduce((sum, what) => sum + report.compared[what], 0);
  const fact = auditor.fact('reconcile.finish', {
    outcome: findings === 0 ? { status: 'ok' } : { status: 'failed', code: 'DIFFERENCES_FOUND' },
    subject: REGISTRY_SUBJECT,
    counts: { compared, findings, inFlight },
    durationMs: now().getTime() - until.getTime(),
  });
  await registry.append([fact], signal);
  return report;
}
