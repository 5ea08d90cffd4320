import { open } from 'node:fs/promises';
import { buffer } from 'node:stream/consumers';
import { CallsealError } from '../domain/errors.ts';

/** Nothing that is larger is read: no inbox topic takes such a record. Bytes. */
const LARGEST_RECORD = 1024 * 1024;

export const STRUCTURED = { 'content-type': 'application/cloudevents+json' } as const;

/**
 * The bytes of an event in a file, or on standard input for `-`.
 *
 * @throws CallsealError EVENT_TOO_LARGE - before it is read; NOT_FOUND
 */
export async function readEvent(file: string): Promise<Buffer> {
  const bytes = file === '-' ? await buffer(capped(process.stdin)) : await readCapped(file);
  if (bytes.length > LARGEST_RECORD) throw tooLarge();
  return bytes;
}

async function readCapped(file: string): Promise<Buffer> {
  const handle = await open(file).catch((cause: NodeJS.ErrnoException) => {
    throw new CallsealError('NOT_FOUND', `${file} cannot be read: ${cause.code ?? 'unknown error'}`, {
      cause,
    });
  });
  return await buffer(capped(handle.createReadStream()));
}

async function* capped(stream: AsyncIterable<Buffer>): AsyncGenerator<Buffer, void, void> {
  let bytes = 0;
  for await (const chunk of stream) {
    bytes += chunk.length;
    if (bytes > LARGEST_RECORD) throw tooLarge();
    yield chunk;
  }
}

function tooLarge(): CallsealError {
  return new CallsealError('EVENT_TOO_LARGE', `an event has at most ${LARGEST_RECORD} bytes`, {
    hint: 'an event points to its artifacts; it does not carry them',
  });
}
