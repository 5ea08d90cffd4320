import type { MediaCodec } from '../domain/media.ts';
import type { PcmFormat } from './pcm.ts';

const EXTENSIBLE = 0xfffe;
/** What follows the format tag in a WAVE_FORMAT_EXTENSIBLE sub-format (KSDATAFORMAT_SUBTYPE_*). */
const SUBTYPE_TAIL = Buffer.from('000000001000800000aa00389b71', 'hex');

/** WAVE format tags (mmreg.h): codec by bits per sample; 0 stands for any. */
const CODECS: Readonly<Record<number, Readonly<Record<number, MediaCodec>>>> = {
  0x0001: { 8: 'pcm_u8', 16: 'pcm_s16le', 24: 'pcm_s24le', 32: 'pcm_s32le' },
  0x0003: { 32: 'pcm_f32le', 64: 'pcm_f64le' },
  0x0006: { 8: 'pcm_alaw' },
  0x0007: { 8: 'pcm_mulaw' },
};
const NOT_READ: Readonly<Record<number, MediaCodec>> = {
  0x0002: 'adpcm',
  0x0011: 'adpcm',
  0x0031: 'gsm_ms',
  0x0055: 'mp3',
  0x0065: 'g722',
  0x028f: 'g722',
  0x00ff: 'aac',
};

export const FMT_BYTES = { least: 16, most: 40 } as const;
const LIMITS = { channels: 64, sampleRate: 768_000 } as const;

export type FmtResult =
  | { readonly kind: 'read'; readonly format: PcmFormat; readonly consistent: boolean }
  | {
      readonly kind: 'refused';
      readonly codec: MediaCodec;
      readonly warning: 'HEADER_INVALID' | 'FORMAT_UNSUPPORTED';
    };

/**
 * A WAV `fmt ` chunk's body (at most its first 40 bytes), little endian:
 *
 *   tag u16 | channels u16 | rate u32 | bytes per second u32 | frame bytes u16 | bits u16
 *   extensible: | size u16 | valid bits u16 | channel mask u32 | sub-format 16 bytes, tag first
 */
export function readFmt(body: Buffer): FmtResult {
  const tag = tagOf(body);
  const channels = body.readUInt16LE(2);
  const sampleRate = body.readUInt32LE(4);
  const frameBytes = body.readUInt16LE(12);
  const bits = body.readUInt16LE(14);
  if (tag in NOT_READ) return refused('FORMAT_UNSUPPORTED', NOT_READ[tag]);
  if (!isWithin(channels, LIMITS.channels) || !isWithin(sampleRate, LIMITS.sampleRate)) {
    return refused('HEADER_INVALID');
  }
  const codec = CODECS[tag]?.[bits];
  if (codec === undefined) return refused('FORMAT_UNSUPPORTED');
  const counted = (channels * bits) / 8;
  const format = { codec, sampleRate, channels, frameBytes: counted };
  return { kind: 'read', format, consistent: counted === frameBytes };
}

function tagOf(body: Buffer): number {
  const tag = body.readUInt16LE(0);
  if (tag !== EXTENSIBLE || body.length < FMT_BYTES.most) return tag;
  return body.subarray(26, 40).equals(SUBTYPE_TAIL) ? body.readUInt16LE(24) : tag;
}

function refused(warning: 'HEADER_INVALID' | 'FORMAT_UNSUPPORTED', codec: MediaCodec = 'unknown'): FmtResult {
  return { kind: 'refused', codec, warning };
}

function isWithin(value: number, most: number): boolean {
  return value >= 1 && value <= most;
}
