import { Readable } from 'node:stream';
import { GetObjectCommand, type GetObjectCommandOutput } from '@aws-sdk/client-s3';
import type { Bucket } from './bucket.ts';
import { failureOf } from './failures.ts';
import { type Patience, retrying } from './retrying.ts';

/** Bytes of one request. A connection that waits for a slow reader is not held open for hours. */
const WINDOW = 64 * 2 ** 20;

export interface RangeToRead {
  readonly key: string;
  /** Given: the only version whose bytes are wanted. Absent: the one that the first request finds. */
  readonly etag?: string;
  readonly from: number;
  readonly to: number;
}

/**
 * Bytes `from` (inclusive) to `to` (exclusive) of one version of an object, in as many requests as it takes: a body
 * that breaks off is taken up where it broke, with `If-Match`. Each chunk has its memory to itself. Ends early where
 * the object does.
 *
 * @throws the SDK's or the connection's error, when patience ends without a single new byte
 */
export async function* readRange(
  { client, target }: Bucket,
  range: RangeToRead,
  patience: Patience,
  signal: AbortSignal,
): AsyncGenerator<Buffer, void, undefined> {
  let { etag, from: at, to } = range;
  let fruitless = 0;
  while (at < to) {
    const window = `bytes=${at}-${Math.min(to, at + WINDOW) - 1}`;
    const command = new GetObjectCommand({
      ...target,
      Key: range.key,
      Range: window,
      ...(etag !== undefined && { IfMatch: etag }),
    });
    const answer = await retrying(
      async () => await client.send(command, { abortSignal: signal }),
      patience,
      signal,
    );
    etag ??= answer.ETag;
    to = Math.min(to, totalOf(answer.ContentRange) ?? at + (answer.ContentLength ?? 0));
    const before = at;
    let broke: unknown;
    try {
      for await (const chunk of bodyOf(answer)) {
        signal.throwIfAborted();
        at += chunk.length;
        yield inOwnMemory(chunk);
      }
    } catch (error) {
      signal.throwIfAborted();
      if (failureOf(error)?.again !== true) throw error;
      broke = error;
    }
    fruitless = at > before ? 0 : fruitless + 1;
    if (at < to && fruitless >= patience.attempts) throw broke ?? noBytes();
  }
}

function noBytes(): Error {
  return Object.assign(new Error('the store answers without bytes'), { code: 'EMPTY_ANSWER' });
}

/** In Node.js a body is a `Readable`; the SDK's type speaks for browsers too. */
function bodyOf({ Body: body }: GetObjectCommandOutput): AsyncIterable<Buffer> {
  if (body instanceof Readable) return body;
  throw new TypeError('an answer without a stream');
}

function totalOf(contentRange: string | undefined): number | undefined {
  const total = /\/(\d+)$/.exec(contentRange ?? '')?.[1];
  return total === undefined ? undefined : Number(total);
}

/** A chunk that its consumer may detach. Small ones can be slices of a buffer that others use too. */
function inOwnMemory(chunk: Buffer): Buffer {
  if (chunk.byteOffset === 0 && chunk.buffer.byteLength === chunk.length) return chunk;
  const copy = Buffer.allocUnsafeSlow(chunk.length);
  copy.set(chunk);
  return copy;
}
