import type { DeclaredMedia } from '../domain/call-event.ts';
import { codecName, type MediaContainer } from '../domain/media.ts';
import { MatroskaScanner } from './matroska.ts';
import { OggScanner } from './ogg.ts';
import { opusPacketsScanner } from './opus-packets.ts';
import { rawScanner } from './raw.ts';
import { type Scanner, unread } from './scanner.ts';
import { type Sniffed, sniff } from './sniff.ts';
import { WavScanner } from './wav.ts';

/** The scanner for a recording that begins with `head`: what the bytes say goes before what the event says. */
export function scannerFor(head: Buffer, declared: DeclaredMedia | undefined): Scanner {
  const sniffed = sniff(head);
  if (sniffed?.certain) return scannerOf(sniffed);
  const unsigned = declared && scannerForUnsigned(head, declared);
  if (unsigned !== undefined) return unsigned;
  return sniffed === undefined ? unread('unknown', 'unknown', 'FORMAT_UNKNOWN') : scannerOf(sniffed);
}

const SCANNERS: Partial<Record<MediaContainer, () => Scanner>> = {
  wav: () => new WavScanner(),
  rf64: () => new WavScanner(),
  ogg: () => new OggScanner(),
  webm: () => new MatroskaScanner(),
  unknown: () => unread('unknown', 'unknown', 'FORMAT_UNKNOWN'),
};

function scannerOf({ container, codec }: Sniffed): Scanner {
  return SCANNERS[container]?.() ?? unread(container, codec, 'FORMAT_UNSUPPORTED');
}

/** Formats that nothing in the first bytes gives away: only the event can name them. */
function scannerForUnsigned(head: Buffer, declared: DeclaredMedia): Scanner | undefined {
  const container = declared.container?.toLowerCase();
  const codec = declared.codec === undefined ? undefined : codecName(declared.codec);
  if (container === 'ogg') return new OggScanner(); // its first pages may be damaged: it looks for later ones
  if (container === 'opus-packets') return opusPacketsScanner(head, declared);
  const isRaw = container === 'raw' || (container === undefined && codec?.startsWith('pcm_'));
  return isRaw ? rawScanner(declared) : undefined;
}
