import type { MadeKind } from '../domain/artifacts.ts';
import type { MediaIndex } from './media-index.ts';
import type { PcmAnalysis } from './pcm-analyser.ts';
import { withRoles } from './pcm-stats.ts';

/** What is sealed beside a recording, as `<id>~<kind>`. */
export interface Made {
  readonly kind: MadeKind;
  readonly bytes: Buffer;
}

/** The index as JSON (docs/index-format.md). */
export function madeOfIndex(index: MediaIndex | undefined): Made[] {
  return index === undefined ? [] : [{ kind: 'index', bytes: Buffer.from(JSON.stringify(index)) }];
}

/** Peaks and statistics (docs/audio.md). @param roles - who is on which channel, as the event says it. */
export function madeOfAnalysis(
  analysis: PcmAnalysis | undefined,
  roles: readonly string[] | undefined,
): Made[] {
  if (analysis === undefined) return [];
  const { buffer, byteOffset, byteLength } = analysis.peaks;
  return [
    { kind: 'peaks', bytes: Buffer.from(buffer, byteOffset, byteLength) },
    { kind: 'stats', bytes: Buffer.from(JSON.stringify(withRoles(analysis.stats, roles))) },
  ];
}
