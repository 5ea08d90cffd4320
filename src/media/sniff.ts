import type { MediaCodec, MediaContainer } from '../domain/media.ts';

/** So many first bytes are looked at; more never changes the answer. */
export const SNIFF_BYTES = 4096;

/** What the first bytes say. `certain`: a signature that a declaration of raw audio does not outweigh. */
export interface Sniffed {
  readonly container: MediaContainer;
  readonly codec: MediaCodec;
  readonly certain: boolean;
}

type Signature = readonly [offset: number, magic: string, container: MediaContainer, codec: MediaCodec];

/** Magic numbers as latin1. `unknown` names what is surely no audio: an error page saved as a recording. */
const SIGNATURES: readonly Signature[] = [
  [0, 'OggS', 'ogg', 'unknown'],
  [0, '\x1a\x45\xdf\xa3', 'webm', 'unknown'],
  [0, 'fLaC', 'flac', 'flac'],
  [0, 'FORM', 'aiff', 'unknown'],
  [0, '.snd', 'au', 'unknown'],
  [0, 'caff', 'caf', 'unknown'],
  [0, '#!AMR', 'amr', 'amr'],
  [0, '#!SILK', 'silk', 'silk'],
  [0, '\x02#!SILK', 'silk', 'silk'],
  [4, 'ftyp', 'mp4', 'unknown'],
  [0, '\x30\x26\xb2\x75\x8e\x66\xcf\x11', 'asf', 'unknown'],
  [0, '<html', 'unknown', 'unknown'],
  [0, '<HTML', 'unknown', 'unknown'],
  [0, '<!DOC', 'unknown', 'unknown'],
  [0, '<!doc', 'unknown', 'unknown'],
  [0, '<?xml', 'unknown', 'unknown'],
];

export function sniff(head: Buffer): Sniffed | undefined {
  const text = head.toString('latin1');
  const certain = riff(text) ?? signature(text) ?? id3(head) ?? laterOgg(head);
  if (certain !== undefined) return { ...certain, certain: true };
  const likely = framed(head);
  return likely === undefined ? undefined : { ...likely, certain: false };
}

type Named = Omit<Sniffed, 'certain'>;

function riff(text: string): Named | undefined {
  const form = text.slice(8, 12);
  const isCutOrWave = form === 'WAVE'.slice(0, form.length);
  if (text.startsWith('RIFF')) return { container: isCutOrWave ? 'wav' : 'unknown', codec: 'unknown' };
  const is64 = text.startsWith('RF64') || text.startsWith('BW64');
  return is64 && isCutOrWave ? { container: 'rf64', codec: 'unknown' } : undefined;
}

function signature(text: string): Named | undefined {
  const found = SIGNATURES.find(([offset, magic]) => text.startsWith(magic, offset));
  return found && { container: found[2], codec: found[3] };
}

/** An ID3v2 tag: version 2 to 4 and a size whose bytes stay below 128. The three letters alone prove little. */
function id3(head: Buffer): Named | undefined {
  if (head.length < 10 || head.toString('latin1', 0, 3) !== 'ID3') return undefined;
  const version = head.readUInt8(3);
  const size = head.subarray(6, 10);
  const isTag = version >= 2 && version <= 4 && size.every((byte) => byte < 0x80);
  return isTag ? { container: 'mp3', codec: 'mp3' } : undefined;
}

/** An Ogg page behind junk: its scanner finds the way, and counts what it had to skip. */
function laterOgg(head: Buffer): Named | undefined {
  for (let at = head.indexOf('OggS', 1); at >= 0; at = head.indexOf('OggS', at + 1)) {
    const version = head[at + 4];
    const flags = head[at + 5];
    if (version === 0 && flags !== undefined && flags <= 7) return { container: 'ogg', codec: 'unknown' };
  }
  return undefined;
}

/** Formats without a signature: frames as far as one can see. A few alone are too easily G.711 silence. */
function framed(head: Buffer): Named | undefined {
  if (isChain(head, mp3FrameBytes)) return { container: 'mp3', codec: 'mp3' };
  if (isChain(head, adtsFrameBytes)) return { container: 'aac', codec: 'aac' };
  if (isChain(head, gsmFrameBytes)) return { container: 'gsm', codec: 'gsm' };
  return undefined;
}

const FEWEST_FRAMES = 3;
const FRAME_HEAD_BYTES = 6;

function isChain(head: Buffer, frameBytes: (head: Buffer, at: number) => number): boolean {
  let frames = 0;
  for (let at = 0; at + FRAME_HEAD_BYTES <= head.length; frames += 1) {
    const bytes = frameBytes(head, at);
    if (bytes === 0) return false;
    at += bytes;
  }
  return frames >= FEWEST_FRAMES;
}

const MP3_KBITS = {
  1: [0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320],
  2: [0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160],
} as const;
const MP3_RATES = [44_100, 48_000, 32_000] as const;

/** Length of the MPEG audio layer III frame at `at`, 0 if there is none (ISO 11172-3, 2.4.1.3). */
function mp3FrameBytes(head: Buffer, at: number): number {
  const word = head.readUInt32BE(at);
  const version = (word >>> 19) & 3; // 3: MPEG-1, 2: MPEG-2, 0: MPEG-2.5
  const layer = (word >>> 17) & 3; // 1: layer III
  if (word >>> 21 !== 0x7ff || version === 1 || layer !== 1) return 0;
  const kbits = MP3_KBITS[version === 3 ? 1 : 2][(word >>> 12) & 15] ?? 0;
  const rate = MP3_RATES[(word >>> 10) & 3];
  if (kbits === 0 || rate === undefined) return 0;
  const divisor = { 3: 1, 2: 2, 0: 4 }[version] ?? 1;
  const samples = version === 3 ? 144_000 : 72_000;
  return Math.floor((samples * kbits) / (rate / divisor)) + ((word >>> 9) & 1);
}

/** Length of the ADTS frame at `at`, 0 if there is none (ISO 13818-7, 6.2). */
function adtsFrameBytes(head: Buffer, at: number): number {
  if ((head.readUInt16BE(at) & 0xfff6) !== 0xfff0) return 0;
  const bytes = (head.readUInt32BE(at + 2) >>> 5) & 0x1fff;
  return bytes >= 7 ? bytes : 0;
}

/** Length of the GSM 06.10 frame at `at`, 0 if there is none: 33 bytes that begin with the bits 1101, as A-law silence does. */
function gsmFrameBytes(head: Buffer, at: number): number {
  const isSilence = head.readUInt16BE(at) === 0xd5d5;
  return head.readUInt8(at) >>> 4 === 0xd && !isSilence ? 33 : 0;
}
