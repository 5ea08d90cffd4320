import type { Settings } from '../config/schema.ts';
import type { Decoder } from '../ports/decoder.ts';

/** No process is started before there is something to decode. */
export async function openDecoder({ decoder }: Settings): Promise<Decoder> {
  if (decoder.kind === 'none') {
    const { noDecoder } = await import('../adapters/decoder/none.ts');
    return noDecoder();
  }
  const { children, memory, answer, queue } = decoder;
  const { decoderPool } = await import('../adapters/decoder/pool.ts');
  return decoderPool({ children, memoryBytes: memory, answerMs: answer, queueBytes: queue });
}
