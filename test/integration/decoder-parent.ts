import { decoderPool } from '../../src/adapters/decoder/pool.ts';

/** Has one child that hangs and one that waits, says so, and never ends by itself. */
const [program = ''] = process.argv.slice(2);
const limits = { children: 2, memoryBytes: 2 ** 28, answerMs: 600_000, queueBytes: 2 ** 26 };
const pool = decoderPool({ ...limits, program });
const never = new AbortController().signal;
const begin = (codec: string) => {
  const decoding = pool.begin({ container: 'ogg', declared: { codec } });
  decoding.push(Buffer.alloc(8192));
  return decoding.end(never);
};
const hanging = begin('hangs');
await begin('good'); // by now the other one is past its start, or soon will be
process.stdout.write('both run\n');
await hanging;
