import type { DeclaredMedia } from '../../src/domain/call-event.ts';
import type { MediaFacts } from '../../src/domain/media.ts';
import { createTap } from '../../src/media/tap.ts';

/** The facts of `bytes`, fed in pieces whose lengths `cut` gives. */
export function factsOf(
  bytes: Uint8Array,
  declared?: DeclaredMedia,
  cut: () => number = () => 65_536,
): MediaFacts {
  const tap = createTap(declared);
  for (let at = 0; at < bytes.length; ) {
    const end = Math.min(bytes.length, at + Math.max(1, cut()));
    // Overwritten after the push: a scanner that keeps a chunk instead of copying gives other facts.
    const chunk = Uint8Array.from(bytes.subarray(at, end));
    tap.push(chunk);
    chunk.fill(0xa5);
    at = end;
  }
  return tap.end();
}

/** mulberry32: small, seeded, good enough to choose cuts and mutations by. From 0 up to, not with, 1. */
export function seeded(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** Piece lengths that meet odd borders: fixed small ones and seeded ones. */
export const CUTS: readonly (readonly [name: string, cut: () => () => number])[] = [
  ['byte by byte', () => () => 1],
  ['by 7', () => () => 7],
  ['by 4096', () => () => 4096],
  [
    'at seeded borders',
    () => {
      const random = seeded(20_261_124);
      return () => Math.floor(random() * 700);
    },
  ],
];
