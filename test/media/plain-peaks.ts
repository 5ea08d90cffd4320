/**
 * audiowaveform's peaks once more, the plainest way: all samples at hand, one pixel after the other, 8 bits, version 2
 * (bbc/audiowaveform: doc/DataFormat.md, WaveformGenerator.cpp, WaveformBuffer.cpp).
 *
 * @param join - pixels that are one.
 */
export function peaksOf(samples: Int16Array, channels: number, rate: number, join = 1): Buffer {
  const samplesPerPixel = Math.floor(rate / 20) * join;
  const frames = samples.length / channels;
  const pixels = Math.ceil(frames / samplesPerPixel);
  const head = Buffer.alloc(24);
  for (const [field, value] of [2, 1, rate, samplesPerPixel, pixels, channels].entries()) {
    head.writeInt32LE(value, 4 * field);
  }
  const body: number[] = [];
  for (let pixel = 0; pixel < pixels; pixel += 1) {
    for (let channel = 0; channel < channels; channel += 1) {
      const heard = [];
      const end = Math.min(frames, (pixel + 1) * samplesPerPixel);
      for (let frame = pixel * samplesPerPixel; frame < end; frame += 1)
        heard.push(samples[frame * channels + channel] ?? 0);
      // C++ divides towards zero.
      body.push(Math.trunc(Math.min(...heard) / 256), Math.trunc(Math.max(...heard) / 256));
    }
  }
  return Buffer.concat(
    [head, Int8Array.from(body)].map((part) => Buffer.from(part.buffer, part.byteOffset, part.length)),
  );
}
