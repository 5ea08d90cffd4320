import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { afterAll, describe, expect, test } from 'vitest';
import { createSealerBelowProfile } from '../../src/seal/below-profile.ts';
import { createSealer } from '../../src/seal/sealer.ts';
import { IDENTITY } from '../seal/identities.ts';
import { counting, KNOWN, KNOWN_ANSWER, KNOWN_PLAIN } from '../seal/known-answer.ts';
import { sealAll } from '../seal/sealing.ts';
import { stockPython } from '../services/python/venv.ts';

/** The programs that docs/format.md shows to a stranger, run as they stand there. */
const run = promisify(execFile);
const document = await readFile('docs/format.md', 'utf8');
const python = await stockPython();
const interpreter = 'python' in python ? python.python : '';
const noPython = 'missing' in python ? ` (skipped: ${python.missing})` : '';

// Inside the repository, where Node finds the SDK; the folder is an ignored one.
const folder = await mkdtemp(path.resolve('node_modules/.callseal-format-'));
const scratch = await mkdtemp(path.join(tmpdir(), 'callseal-format-'));
afterAll(async () => {
  await rm(folder, { recursive: true });
  await rm(scratch, { recursive: true });
});

const sealer = createSealer(IDENTITY);
const plain = counting(4, 200_000);
const sealed = sealAll(sealer, [plain], 1_000_000);

/** The code block whose first line is a comment that begins with `name`. */
function program(name: string): string {
  const blocks = [...document.matchAll(/```\w+\n((?:#|\/\/) (\S+)[\s\S]*?)```/g)];
  const found = blocks.find(([, , title]) => title === name)?.[1];
  if (found === undefined) throw new Error(`docs/format.md has no program ${name}`);
  return found;
}

async function openWith(command: string, name: string, context: object = IDENTITY.context): Promise<Buffer> {
  const file = path.join(folder, name);
  const [from, to] = [path.join(scratch, 'sealed'), path.join(scratch, 'plain')];
  await writeFile(file, program(name));
  await writeFile(from, sealed);
  const callKey = IDENTITY.callKey.export().toString('hex');
  await run(command, [
    file,
    callKey,
    IDENTITY.namespace,
    IDENTITY.keyName,
    JSON.stringify(context),
    from,
    to,
  ]);
  return await readFile(to);
}

describe('the document of the format', () => {
  test('has the known answer that the tests check', () => {
    const bare = document.replaceAll(/\s/g, '');
    const { headerBytes, frame1, frame2, ...texts } = KNOWN_ANSWER;
    expect(headerBytes).toBe(204);
    for (const value of [...Object.values(texts), frame1.toString('hex'), frame2.toString('hex')]) {
      expect(bare).toContain(value);
    }
  });

  test('opens an object with its JavaScript program', async () => {
    expect((await openWith(process.execPath, 'open.mjs')).equals(plain)).toBe(true);
  });

  test('refuses another context with its JavaScript program', async () => {
    const other = openWith(process.execPath, 'open.mjs', { call: 'c-0002' });
    await expect(other).rejects.toMatchObject({
      stderr: expect.stringContaining('this is another object') as string,
    });
  });
});

describe.skipIf(noPython !== '')(`the document of the format, in Python${noPython}`, () => {
  test('opens an object with its program', async () => {
    expect((await openWith(interpreter, 'open.py')).equals(plain)).toBe(true);
  });

  test('refuses another context with its program', async () => {
    const other = openWith(interpreter, 'open.py', { call: 'c-0002' });
    await expect(other).rejects.toMatchObject({
      stderr: expect.stringContaining('this is another object') as string,
    });
  });

  test('computes the seal digest without a key', async () => {
    const file = path.join(scratch, 'seal_digest.py');
    await writeFile(file, program('seal_digest.py'));
    const digestOf = async (bytes: Buffer, headerBytes: number, frameLength: number): Promise<string> => {
      const from = path.join(scratch, 'message');
      await writeFile(from, bytes);
      const { stdout } = await run(interpreter, [file, from, String(headerBytes), String(frameLength)]);
      return stdout.trim();
    };
    const known = sealAll(createSealerBelowProfile(KNOWN), [KNOWN_PLAIN]);
    expect(await digestOf(known, 204, 16)).toBe(KNOWN_ANSWER.sealDigest);
    const { headerBytes, frameLength, sealDigest } = sealer.facts();
    expect(await digestOf(sealed, headerBytes, frameLength)).toBe(sealDigest.toString('hex'));
  });
});
