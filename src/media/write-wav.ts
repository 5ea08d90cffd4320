import type { MediaCodec, MediaFacts } from '../domain/media.ts';

/** Format tag and bits per sample (mmreg.h). */
const FORMATS: Partial<Record<MediaCodec, readonly [tag: number, bits: number]>> = {
  pcm_u8: [1, 8],
  pcm_s16le: [1, 16],
  pcm_s24le: [1, 24],
  pcm_s32le: [1, 32],
  pcm_f32le: [3, 32],
  pcm_f64le: [3, 64],
  pcm_alaw: [6, 8],
  pcm_mulaw: [7, 8],
};
const FMT_BYTES = 18;
const FACT_BYTES = 4;

/**
 * A WAV file of whole sample frames. The long `fmt ` and the `fact` chunk are asked for where it is not PCM and
 * harm nobody where it is.
 *
 * @throws RangeError for a codec that WAV does not carry, or more than it can.
 */
export function writeWav(facts: MediaFacts, frameBytes: number, samples: Uint8Array): Buffer {
  const { codec, sampleRate = 0, channels = 0 } = facts;
  const [tag, bits] = FORMATS[codec] ?? [0, 0];
  if (tag === 0) throw new RangeError(`${codec} does not go into a WAV file`);
  const fmt = Buffer.alloc(FMT_BYTES);
  fmt.writeUInt16LE(tag, 0);
  fmt.writeUInt16LE(channels, 2);
  fmt.writeUInt32LE(sampleRate, 4);
  fmt.writeUInt32LE(sampleRate * frameBytes, 8);
  fmt.writeUInt16LE(frameBytes, 12);
  fmt.writeUInt16LE(bits, 14);
  const fact = Buffer.alloc(FACT_BYTES);
  fact.writeUInt32LE(samples.length / frameBytes);
  return chunk('RIFF', [
    Buffer.from('WAVE'),
    chunk('fmt ', [fmt]),
    chunk('fact', [fact]),
    chunk('data', [samples]),
  ]);
}

/** A body of odd length is padded; the padding does not count (as the size says). */
function chunk(name: string, body: readonly Uint8Array[]): Buffer {
  const size = body.reduce((sum, part) => sum + part.length, 0);
  const head = Buffer.alloc(8);
  head.write(name, 'latin1');
  head.writeUInt32LE(size, 4);
  return Buffer.concat([head, ...body, Buffer.alloc(size % 2)]);
}
