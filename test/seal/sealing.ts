import type { Sealer } from '../../src/seal/sealer.ts';

/** Seals `chunks` into parts of `partBytes` and joins them: the shape of every caller, without waiting. */
export function sealAll(sealer: Sealer, chunks: readonly Uint8Array[], partBytes = 100_000): Buffer {
  const parts: Buffer[] = [];
  let part = Buffer.alloc(partBytes);
  let at = 0;
  const fill = (): void => {
    while (sealer.ready) {
      at += sealer.fill(part, at);
      if (at < part.length) continue;
      parts.push(part);
      part = Buffer.alloc(partBytes);
      at = 0;
    }
  };
  for (const chunk of chunks) {
    sealer.push(chunk);
    fill();
  }
  sealer.end();
  fill();
  return Buffer.concat([...parts, part.subarray(0, at)]);
}

/** `bytes` in copies of `size` bytes each. */
export function inChunks(bytes: Uint8Array, size: number): Buffer[] {
  const chunks: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += size) chunks.push(Buffer.from(bytes.subarray(at, at + size)));
  return chunks;
}

// oxlint-disable-next-line require-await -- a source is asynchronous by its type
export async function* streamOf(chunks: readonly Uint8Array[]): AsyncGenerator<Uint8Array, void, void> {
  yield* chunks;
}
