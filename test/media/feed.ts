import type { DeclaredMedia } from '../../src/domain/call-event.ts';
import type { MediaFacts } from '../../src/domain/media.ts';
import { createTap } from '../../src/media/tap.ts';

/** The facts of `bytes`, fed in pieces whose lengths `cut` gives; at most 1 MiB each. */
export function factsOf(
  bytes: Uint8Array,
  declared?: DeclaredMedia,
  cut: () => number = () => 65_536,
): MediaFacts {
  const tap = createTap(declared);
  // Overwritten after every push: a scanner that keeps a chunk instead of copying gives other facts.
  const reused = new Uint8Array(Math.min(bytes.length, 2 ** 20));
  for (let at = 0; at < bytes.length; ) {
    const size = Math.min(bytes.length - at, reused.length, Math.max(1, cut()));
    const chunk = reused.subarray(0, size);
    chunk.set(bytes.subarray(at, at + size));
    tap.push(chunk);
    chunk.fill(0xa5);
    at += size;
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
