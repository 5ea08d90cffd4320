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
    const body = bodyOf(answer);
    to = Math.min(to, totalFrom(at, answer, body));
    const before = at;
    let broke: unknown;
    try {
      for await (const chunk of body as AsyncIterable<Buffer>) {
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
function bodyOf({ Body: body }: GetObjectCommandOutput): Readable {
  if (body instanceof Readable) return body;
  throw new TypeError('an answer without a stream');
}

/**
 * Length of the whole object.
 *
 * @throws where the answer is not the range that was asked for: a store or proxy that ignores `Range` sends it all
 */
function totalFrom(at: number, { ContentRange: range = '' }: GetObjectCommandOutput, body: Readable): number {
  const [, from, total] = /^bytes (\d+)-\d+\/(\d+)$/.exec(range) ?? [];
  if (Number(from) === at) return Number(total);
  body.destroy();
  throw Object.assign(new Error('the store answers with another range'), { code: 'ANOTHER_RANGE' });
}

/** A chunk that its consumer may detach. Small ones can be slices of a buffer that others use too. */
function inOwnMemory(chunk: Buffer): Buffer {
  if (chunk.byteOffset === 0 && chunk.buffer.byteLength === chunk.length) return chunk;
  const copy = Buffer.allocUnsafeSlow(chunk.length);
  copy.set(chunk);
  return copy;
}
