import { endStateOf, inOrder, type MediaFacts, type MediaWarning } from '../domain/media.ts';
import type { MediaLayout } from './media-index.ts';
import type { PcmAnalysis } from './pcm-analyser.ts';

/** What one format's scanner found; the tap adds what it knows of any recording. */
export type Findings = Omit<MediaFacts, 'bytes' | 'channelRoles'>;

/**
 * Reads one format, fed in pieces cut anywhere. What it finds MUST depend on the bytes alone, not on the cuts;
 * it MUST hold a bounded number of them whatever lengths they declare, and MUST NOT keep `bytes` itself.
 */
export interface Scanner {
  push(bytes: Uint8Array): void;
  end(): Findings;
  /** After `end`: where what lies. Undefined where the recording cannot be cut. */
  layout(): MediaLayout | undefined;
  /** After `end`, where samples are there without a decoder. */
  analysis?(): PcmAnalysis | undefined;
}

/** Findings with the end state that their warnings come to. */
export function conclude(
  facts: Omit<Findings, 'endState' | 'warnings'>,
  warnings: ReadonlySet<MediaWarning>,
): Findings {
  return { ...facts, endState: endStateOf(warnings), warnings: inOrder(warnings) };
}

/** For what is only named, not read. */
export function unread(
  container: Findings['container'],
  codec: Findings['codec'],
  warning: MediaWarning,
): Scanner {
  return {
    push: () => undefined,
    end: () => conclude({ container, codec }, new Set([warning])),
    layout: () => undefined,
  };
}

const COUNTERS = [
  'packets',
  'invalidPackets',
  'gaps',
  'gapMs',
  'checksumErrors',
  'skippedBytes',
  'trailingBytes',
] as const satisfies readonly (keyof MediaFacts)[];
type Counts = { -readonly [Name in (typeof COUNTERS)[number]]?: number };

/** Counters for the facts: left out where they are zero. */
export function counted(counts: Counts): Counts {
  const found: Counts = {};
  for (const name of COUNTERS) {
    const count = counts[name];
    if (count !== undefined && count !== 0) found[name] = count;
  }
  return found;
}
