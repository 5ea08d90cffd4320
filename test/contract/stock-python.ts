import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import type { StockReader, StockRequest } from './stock-readers.ts';

/** The AWS Encryption SDK for Python, in one process that answers line by line. */
export async function stockPythonReader(python: string): Promise<StockReader & AsyncDisposable> {
  const folder = await mkdtemp(path.join(tmpdir(), 'callseal-stock-'));
  const child = spawn(python, ['test/services/python/stock.py'], { stdio: ['pipe', 'pipe', 'inherit'] });
  const exited = once(child, 'exit');
  const answers = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const [from, to] = [path.join(folder, 'from'), path.join(folder, 'to')];

  /** One request at a time: they share two files. */
  async function ask(op: 'open' | 'seal', given: Buffer, request: StockRequest) {
    await writeFile(from, given);
    const callKey = request.callKey.toString('hex');
    child.stdin.write(`${JSON.stringify({ ...request, op, callKey, from, to })}\n`);
    const line = await answers.next();
    if (line.done === true) throw new Error('the Python reader ended');
    const answer = JSON.parse(line.value) as { error?: string; context: Record<string, string> };
    if (answer.error !== undefined) throw new Error(`the Python SDK refused: ${answer.error}`);
    return { made: await readFile(to), context: answer.context };
  }

  return {
    async open(sealed, request) {
      const { made, context } = await ask('open', sealed, request);
      return { plain: made, context };
    },
    async seal(plain, request) {
      return (await ask('seal', plain, request)).made;
    },
    async [Symbol.asyncDispose]() {
      child.stdin.end();
      await exited;
      await rm(folder, { recursive: true });
    },
  };
}
