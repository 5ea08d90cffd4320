/** Signed 16-bit samples, little endian, channels interleaved. `sample` gives -1..1 for a time and a channel. */
export function pcm16(
  frames: number,
  channels: number,
  sample: (frame: number, channel: number) => number,
): Buffer {
  const bytes = Buffer.alloc(frames * channels * 2);
  for (let at = 0; at < frames * channels; at += 1) {
    const value = sample(Math.floor(at / channels), at % channels);
    bytes.writeInt16LE(Math.round(value * 32_767), at * 2);
  }
  return bytes;
}

/** A tone of another pitch on every channel: alive everywhere, no two alike. */
export function tones(frames: number, channels: number, rate = 8000): Buffer {
  return pcm16(
    frames,
    channels,
    (frame, channel) => Math.sin((frame * (300 + 100 * channel) * 6.283) / rate) / 4,
  );
}

export function chunk(name: string, body: Uint8Array, size = body.length): Buffer {
  const head = Buffer.alloc(8);
  head.write(name, 'latin1');
  head.writeUInt32LE(size, 4);
  return Buffer.concat([head, body, Buffer.alloc(body.length % 2)]);
}

interface Fmt {
  readonly tag?: number;
  readonly channels?: number;
  readonly rate?: number;
  readonly bits?: number;
  readonly frameBytes?: number;
}

export function fmt({ tag = 1, channels = 2, rate = 8000, bits = 16, frameBytes }: Fmt = {}): Buffer {
  const body = Buffer.alloc(16);
  const frame = frameBytes ?? (channels * bits) / 8;
  body.writeUInt16LE(tag, 0);
  body.writeUInt16LE(channels, 2);
  body.writeUInt32LE(rate, 4);
  body.writeUInt32LE(rate * frame, 8);
  body.writeUInt16LE(frame, 12);
  body.writeUInt16LE(bits, 14);
  return body;
}

/** The 40-byte form: `tag` moves into the sub-format. */
export function extensibleFmt(tag: number, options: Fmt = {}): Buffer {
  const tail = Buffer.alloc(24);
  tail.writeUInt16LE(22, 0);
  tail.writeUInt16LE(options.bits ?? 16, 2);
  tail.writeUInt16LE(tag, 8);
  tail.set(Buffer.from('000000001000800000aa00389b71', 'hex'), 10);
  return Buffer.concat([fmt({ ...options, tag: 0xfffe }), tail]);
}

export function riff(chunks: readonly Uint8Array[], size?: number, name = 'RIFF'): Buffer {
  const body = Buffer.concat([Buffer.from('WAVE'), ...chunks]);
  return chunk(name, body, size ?? body.length);
}

export function wav(samples: Uint8Array, format: Uint8Array = fmt()): Buffer {
  return riff([chunk('fmt ', format), chunk('data', samples)]);
}
