import { openScratch } from '../../../src/adapters/sqlite/scratch.ts';
import type { CallEvent } from '../../../src/domain/call-event.ts';
import { LIMITS } from '../../../src/domain/call-event.ts';
import type { InFlight, ReconcileFinding, ReconcileReport } from '../../../src/work/reconcile/findings.ts';
import { readListing } from '../../../src/work/reconcile/listing.ts';
import type { ReconcileParts } from '../../../src/work/reconcile/parts.ts';
import { reconcile } from '../../../src/work/reconcile/reconcile.ts';
import { recordOf } from '../given.ts';
import { SIGNAL } from '../seen.ts';
import { type World, type WorldOptions, worldWithTranscript } from '../world.ts';

export const HOUR = 3_600_000;

export interface Reconciled {
  readonly report: ReconcileReport;
  readonly findings: readonly ReconcileFinding[];
  readonly inFlight: readonly InFlight[];
}

export interface Asked {
  readonly parts?: Partial<ReconcileParts>;
  /** Lines of the listing. */
  readonly listing?: readonly string[];
  readonly sinceHours?: number;
}

/** Looks at the last 24 hours of a world. */
export async function reconciled(world: World, asked: Asked = {}): Promise<Reconciled> {
  const findings: ReconcileFinding[] = [];
  const inFlight: InFlight[] = [];
  const now = (): Date => new Date(world.clock.ms);
  const lines = asked.listing;
  const report = await reconcile(
    { ...world, limits: LIMITS, openScratch: async () => openScratch(), now, ...asked.parts },
    {
      since: new Date(world.clock.ms - (asked.sinceHours ?? 24) * HOUR),
      ...(lines && {
        listing: readListing(each(lines), (alias) => (alias === 'edge' ? ['t-1', 't-2'] : [])),
      }),
      finding: (finding) => void findings.push(finding),
      inFlight: (what) => void inFlight.push(what),
    },
    SIGNAL,
  );
  return { report, findings, inFlight };
}

async function* each(lines: readonly string[]): AsyncGenerator<string, void, undefined> {
  yield* lines;
}

/** The event through the inbox: published, worked on until nothing is due. */
export async function passed(world: World, ...events: (CallEvent | Buffer)[]): Promise<void> {
  for (const event of events) await world.inbox.publish(recordOf(event), SIGNAL);
  await world.inbox.run(world.handler, { untilIdle: true }, SIGNAL);
}

/** A world whose worker has sealed one call with a transcript, an hour ago. */
export async function sealedWorld(event: CallEvent, options: WorldOptions = {}): Promise<World> {
  const world = await worldWithTranscript(options);
  await passed(world, event);
  world.clock.ms += HOUR;
  return world;
}
