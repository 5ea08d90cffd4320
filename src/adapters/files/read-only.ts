import { constants } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';

/**
 * Bytes per chunk. Large enough that a read costs less than sealing it, small enough that many streams side by
 * side stay small.
 */
const CHUNK = 256 * 1024;

/**
 * Opens what stands at `path` for reading, never through a link there, and without waiting: a FIFO would
 * otherwise hold the call until somebody writes. The caller still has to look whether it is a regular file.
 */
export async function openReadOnly(path: string): Promise<FileHandle> {
  return await open(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
}

/**
 * Bytes `from` (inclusive) to `to` (exclusive) of an open file. Every chunk has memory of its own from byte 0, so
 * its consumer may detach it. Ends early where the file does: the caller compares.
 */
export async function* readChunks(
  file: FileHandle,
  range: { readonly from: number; readonly to: number },
  signal: AbortSignal,
): AsyncGenerator<Buffer, void, undefined> {
  for (let at = range.from; at < range.to; ) {
    signal.throwIfAborted();
    // Never Buffer.allocUnsafe: it may be a slice of the pool, which cannot be detached.
    const chunk = Buffer.allocUnsafeSlow(Math.min(CHUNK, range.to - at));
    const filled = await fill(file, chunk, at);
    signal.throwIfAborted();
    at += filled;
    if (filled < chunk.length) {
      if (filled > 0) yield inOwnMemory(chunk.subarray(0, filled));
      return;
    }
    yield chunk;
  }
}

/** Reads until the chunk is full or the file ends: one read may return less than it was asked for. */
async function fill(file: FileHandle, chunk: Buffer, position: number): Promise<number> {
  let filled = 0;
  while (filled < chunk.length) {
    const { bytesRead } = await file.read(chunk, filled, chunk.length - filled, position + filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return filled;
}

function inOwnMemory(slice: Buffer): Buffer {
  const copy = Buffer.allocUnsafeSlow(slice.length);
  copy.set(slice);
  return copy;
}
