/** Opus always decodes at this rate; every count of samples here is one of these (RFC 6716, 2). */
export const OPUS_RATE = 48_000;
/** 120 ms, the longest packet (RFC 6716, 3.2.5). */
export const PACKET_MOST_SAMPLES = 5760;
/** 80 ms to decode before the first wanted sample, so that the decoder has settled (RFC 7845, 4.6). */
export const PRE_ROLL_SAMPLES = 3840;
/** So many first bytes of a packet tell how long it lasts. */
export const PACKET_HEAD_BYTES = 2;
/** 48 frames of 1275 bytes, each with a length of two bytes, and the packet's own two. */
export const PACKET_MOST_BYTES = 48 * (1275 + 2) + 2;

const SILK_FRAMES = [480, 960, 1920, 2880] as const;
const HYBRID_FRAMES = [480, 960] as const;
const CELT_FRAMES = [120, 240, 480, 960] as const;

/** Samples of one frame, by the configuration in the TOC byte (RFC 6716, table 2). */
function frameSamples(config: number): number {
  if (config < 12) return SILK_FRAMES[config & 3] ?? 0;
  if (config < 16) return HYBRID_FRAMES[config & 1] ?? 0;
  return CELT_FRAMES[config & 3] ?? 0;
}

/**
 * Samples that a packet of `length` bytes decodes to, from its first two; undefined if it is none: empty, without
 * frames, or longer than 120 ms. Holds for multistream packets too: their streams last equally long.
 */
export function packetSamples(head: Uint8Array, length: number): number | undefined {
  const toc = head[0];
  if (length === 0 || toc === undefined) return undefined;
  const frames = frameCount(toc & 3, length > 1 ? head[1] : undefined);
  const samples = frames * frameSamples(toc >>> 3);
  return samples > 0 && samples <= PACKET_MOST_SAMPLES ? samples : undefined;
}

/** Frames in a packet by its code; code 3 keeps the count in the second byte (RFC 6716, 3.2). */
function frameCount(code: number, second: number | undefined): number {
  if (code === 0) return 1;
  if (code < 3) return 2;
  return (second ?? 0) & 0x3f;
}

/** The identification header (RFC 7845, 5.1); also what WebM keeps as CodecPrivate. */
export interface OpusHead {
  readonly channels: number;
  readonly preSkip: number;
  /** Before encoding, in Hz; 0 where the encoder does not say. */
  readonly inputSampleRate: number;
  /** The header itself. */
  readonly bytes: Buffer;
}

const HEAD_BYTES = 19;

/**
 *   'OpusHead' | version u8 | channels u8 | pre-skip u16 | input rate u32 | gain i16 | family u8
 *   family not 0: | streams u8 | coupled u8 | a mapping byte for each channel           all little endian
 *
 * Undefined if it is damaged or of a major version that is not ours to read.
 */
export function readOpusHead(packet: Buffer): OpusHead | undefined {
  if (packet.length < HEAD_BYTES || packet.toString('latin1', 0, 8) !== 'OpusHead') return undefined;
  const channels = packet.readUInt8(9);
  const family = packet.readUInt8(18);
  const isVersion0 = packet.readUInt8(8) >>> 4 === 0;
  const fits = family === 0 ? channels <= 2 : packet.length >= HEAD_BYTES + 2 + channels;
  if (!isVersion0 || channels === 0 || !fits) return undefined;
  return {
    channels,
    preSkip: packet.readUInt16LE(10),
    inputSampleRate: packet.readUInt32LE(12),
    bytes: Buffer.from(packet.subarray(0, family === 0 ? HEAD_BYTES : HEAD_BYTES + 2 + channels)),
  };
}

/** A header for packets that came without one: no mapping, so one or two channels. */
export function makeOpusHead(channels: number, preSkip: number, inputSampleRate: number): OpusHead {
  const bytes = Buffer.alloc(HEAD_BYTES);
  bytes.write('OpusHead', 'latin1');
  bytes.writeUInt8(1, 8);
  bytes.writeUInt8(channels, 9);
  bytes.writeUInt16LE(preSkip, 10);
  bytes.writeUInt32LE(inputSampleRate, 12);
  return { channels, preSkip, inputSampleRate, bytes };
}

/** What a header says, for the facts. */
export function headFacts({ channels, preSkip, inputSampleRate }: OpusHead) {
  const input = inputSampleRate === 0 ? {} : { inputSampleRate };
  return { sampleRate: OPUS_RATE, channels, preSkip, ...input };
}

/** Samples at 48 kHz as whole milliseconds. */
export function opusMs(samples: number): number {
  return Math.round((samples * 1000) / OPUS_RATE);
}
