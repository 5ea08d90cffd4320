import { createSecretKey } from 'node:crypto';
import { counting } from './known-answer.ts';

/** An object's names and key, as a registry row would give them. */
export const IDENTITY = {
  callKey: createSecretKey(counting(0x80, 32)),
  namespace: 'callseal',
  keyName: 'key-7f3a',
  context: { tenant: 't-42', call: 'c-0001', artifact: 'a-01', kind: 'audio' },
};

export async function collect(pieces: AsyncIterable<Buffer>): Promise<Buffer> {
  const all: Buffer[] = [];
  for await (const piece of pieces) all.push(piece);
  return Buffer.concat(all);
}
