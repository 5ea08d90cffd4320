import { planCut } from './cut-plan.ts';
import type { MediaIndex } from './media-index.ts';
import { oneChannel } from './one-channel.ts';
import { packetsOf } from './opus-slice.ts';
import { writeOggOpus } from './write-ogg.ts';
import { writeWav } from './write-wav.ts';

/**
 * A playable file of the time from `fromMs` to `toMs`, sample-exact: WAV for PCM and G.711, Ogg for Opus. `fetch`
 * is asked once, for one range of the recording.
 *
 * @param channel - of PCM and G.711 only this one, from 0, as a file of one channel.
 * @throws RangeError where there is nothing to cut, `fetch` gives another length than it was asked for, or one channel
 *   of Opus is wanted.
 */
export async function cut(
  index: MediaIndex,
  fromMs: number,
  toMs: number,
  fetch: (offset: number, bytes: number) => Promise<Uint8Array>,
  channel?: number,
): Promise<Buffer> {
  const { facts, layout } = index;
  const { channels = 0 } = facts;
  if (channel !== undefined && !(layout.kind === 'frames' && channel < channels)) {
    throw new RangeError(`channel ${channel} cannot be cut out`);
  }
  const plan = planCut(index, fromMs, toMs);
  const bytes = await fetch(plan.offset, plan.bytes);
  if (bytes.length !== plan.bytes) throw new RangeError(`asked for ${plan.bytes} bytes, got ${bytes.length}`);
  if (layout.kind === 'frames') {
    const { frameBytes } = layout;
    if (channel === undefined) return writeWav(facts, frameBytes, bytes);
    const samples = oneChannel(bytes, frameBytes, channels, channel);
    return writeWav({ ...facts, channels: 1 }, frameBytes / channels, samples);
  }
  return writeOggOpus(Buffer.from(layout.head, 'base64'), packetsOf(layout, plan.startsAt, bytes), plan);
}
