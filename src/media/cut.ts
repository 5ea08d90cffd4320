import { planCut } from './cut-plan.ts';
import type { MediaIndex } from './media-index.ts';
import { packetsOf } from './opus-slice.ts';
import { writeOggOpus } from './write-ogg.ts';
import { writeWav } from './write-wav.ts';

/**
 * A playable file of the time from `fromMs` to `toMs`, sample-exact: WAV for PCM and G.711, Ogg for Opus. `fetch`
 * is asked once, for one range of the recording.
 *
 * @throws RangeError where there is nothing to cut, or `fetch` gives another length than it was asked for.
 */
export async function cut(
  index: MediaIndex,
  fromMs: number,
  toMs: number,
  fetch: (offset: number, bytes: number) => Promise<Uint8Array>,
): Promise<Buffer> {
  const plan = planCut(index, fromMs, toMs);
  const bytes = await fetch(plan.offset, plan.bytes);
  if (bytes.length !== plan.bytes) throw new RangeError(`asked for ${plan.bytes} bytes, got ${bytes.length}`);
  if (index.layout.kind === 'frames') return writeWav(index.facts, index.layout.frameBytes, bytes);
  return writeOggOpus(
    Buffer.from(index.layout.head, 'base64'),
    packetsOf(index.layout, plan.startsAt, bytes),
    plan,
  );
}
