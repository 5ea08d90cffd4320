import { expect, test } from 'vitest';
import { noDecoder } from '../../src/adapters/decoder/none.ts';
import { decoderPool } from '../../src/adapters/decoder/pool.ts';
import { decoderContract } from './decoder-suite.ts';
import { fakeDecoder } from './fake-decoder.ts';

const MiB = 2 ** 20;

decoderContract('processes', async (queueBytes = 64 * MiB) => {
  const limits = { children: 2, memoryBytes: 256 * MiB, answerMs: 25_000, queueBytes };
  return await Promise.resolve(decoderPool(limits));
});

decoderContract(
  'a fake in this process',
  async (queueBytes) => await Promise.resolve(fakeDecoder(queueBytes)),
);

test('decoder: none makes nothing, and says nothing about it', async () => {
  const decoder = noDecoder();
  const decoding = decoder.begin({ container: 'ogg', declared: undefined });
  decoding.push(Buffer.from('OggS'));
  expect(await decoding.end(new AbortController().signal)).toEqual({ made: [], warnings: [] });
  await expect(decoding.end(AbortSignal.abort())).rejects.toThrow('abort');
  decoding.drop();
  await decoder.close();
});
