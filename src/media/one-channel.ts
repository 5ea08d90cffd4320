/** The samples of one channel, from 0, out of whole sample frames of `frameBytes`. */
export function oneChannel(
  frames: Uint8Array,
  frameBytes: number,
  channels: number,
  channel: number,
): Uint8Array {
  const sampleBytes = frameBytes / channels;
  const samples = new Uint8Array(frames.length / channels);
  let into = 0;
  for (let frame = channel * sampleBytes; frame < frames.length; frame += frameBytes) {
    for (let at = frame; at < frame + sampleBytes; at += 1, into += 1) samples[into] = frames[at] ?? 0;
  }
  return samples;
}
