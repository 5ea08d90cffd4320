import { type IndexEntries, readEntries } from './index-entries.ts';
import type { MediaIndex } from './media-index.ts';
import { PACKET_MOST_SAMPLES, PRE_ROLL_SAMPLES } from './opus.ts';

/** A cut is made in memory; a longer one is a copy of the recording. */
const MOST_SECONDS = 4 * 3600;

/** What to fetch of the recording, and what of it is wanted; sample 0 is the first that is heard. */
export interface CutPlan {
  readonly offset: number;
  readonly bytes: number;
  /** At the facts' sample rate. */
  readonly from: number;
  readonly to: number;
  /** The sample that the first fetched byte decodes to. */
  readonly startsAt: number;
}

/**
 * The one range of a recording that holds the time from `fromMs` to `toMs`, or to its end where that is before.
 *
 * @throws RangeError where the time is empty, negative, lies behind the end, or is longer than four hours.
 */
export function planCut({ facts, layout }: MediaIndex, fromMs: number, toMs: number): CutPlan {
  const { sampleRate = 0, sampleFrames = 0, audioOffset = 0 } = facts;
  const from = Math.round((fromMs * sampleRate) / 1000);
  const to = Math.min(sampleFrames, Math.round((toMs * sampleRate) / 1000));
  if (!(from >= 0 && from < to)) throw new RangeError(`nothing lies between ${fromMs} and ${toMs} ms`);
  if (to - from > MOST_SECONDS * sampleRate) throw new RangeError(`a cut may last ${MOST_SECONDS} s`);
  if (layout.kind === 'frames') {
    const offset = audioOffset + from * layout.frameBytes;
    return { offset, bytes: (to - from) * layout.frameBytes, from, to, startsAt: from };
  }
  const { first, end } = bordersOf(layout.entries, from - PRE_ROLL_SAMPLES, to);
  return {
    offset: first.offset,
    bytes: (end?.offset ?? facts.bytes) - first.offset,
    from,
    to,
    startsAt: first.sample,
  };
}

/**
 * The last entry not behind `from`, else the very first; and the first one from which on nothing is wanted, with a
 * packet to spare: one that began before an entry may end behind its offset.
 */
function bordersOf(entries: IndexEntries, from: number, to: number) {
  const all = readEntries(entries);
  const first = all.findLast(({ sample }) => sample <= from) ?? all[0];
  if (first === undefined) throw new RangeError('the index of this recording has no entries');
  return { first, end: all.find(({ sample }) => sample >= to + PACKET_MOST_SAMPLES) };
}
