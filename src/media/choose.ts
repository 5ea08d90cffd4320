import type { DeclaredMedia } from '../domain/call-event.ts';
import { codecName, type MediaContainer } from '../domain/media.ts';
import { MatroskaScanner } from './matroska.ts';
import { OggScanner } from './ogg.ts';
import { OpusPacketsScanner, opusPacketsScanner } from './opus-packets.ts';
import type { OpusSink } from './opus-sink.ts';
import { rawScanner } from './raw.ts';
import { type Scanner, unread } from './scanner.ts';
import { type Sniffed, sniff } from './sniff.ts';
import { WavScanner } from './wav.ts';

/**
 * The scanner for a recording that begins with `head`: what the bytes say goes before what the event says. `sink` is
 * told of the packets where it is Opus.
 */
export function scannerFor(head: Buffer, declared: DeclaredMedia | undefined, sink?: OpusSink): Scanner {
  const sniffed = sniff(head);
  if (sniffed?.certain) return scannerOf(sniffed, sink);
  const unsigned = declared && scannerForUnsigned(head, declared, sink);
  if (unsigned !== undefined) return unsigned;
  return sniffed === undefined ? unread('unknown', 'unknown', 'FORMAT_UNKNOWN') : scannerOf(sniffed, sink);
}

const SCANNERS: Partial<Record<MediaContainer, (sink?: OpusSink) => Scanner>> = {
  wav: () => new WavScanner(),
  rf64: () => new WavScanner(),
  ogg: (sink) => new OggScanner(sink),
  webm: (sink) => new MatroskaScanner(sink),
  unknown: () => unread('unknown', 'unknown', 'FORMAT_UNKNOWN'),
};

function scannerOf({ container, codec }: Sniffed, sink: OpusSink | undefined): Scanner {
  return SCANNERS[container]?.(sink) ?? unread(container, codec, 'FORMAT_UNSUPPORTED');
}

/** Formats that nothing in the first bytes gives away: only the event can name them. */
function scannerForUnsigned(
  head: Buffer,
  declared: DeclaredMedia,
  sink: OpusSink | undefined,
): Scanner | undefined {
  const container = declared.container?.toLowerCase();
  const codec = declared.codec === undefined ? undefined : codecName(declared.codec);
  if (container === 'ogg') return new OggScanner(sink); // its first pages may be damaged: it looks for later ones
  if (container === 'opus-packets') return opusPacketsScanner(head, declared, sink);
  const isRaw = container === 'raw' || (container === undefined && codec?.startsWith('pcm_'));
  return isRaw ? rawScanner(declared) : undefined;
}

/** Containers whose audio is there only behind the Opus codec. */
export type OpusContainer = 'ogg' | 'webm' | 'opus-packets';

/** The container that a recording with this beginning is read as, if it may carry Opus. */
export function opusContainer(head: Buffer, declared: DeclaredMedia | undefined): OpusContainer | undefined {
  const scanner = scannerFor(head, declared);
  if (scanner instanceof OggScanner) return 'ogg';
  if (scanner instanceof MatroskaScanner) return 'webm';
  return scanner instanceof OpusPacketsScanner ? 'opus-packets' : undefined;
}
