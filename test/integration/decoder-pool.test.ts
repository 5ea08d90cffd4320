import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, describe, expect, test } from 'vitest';
import { type DecoderPoolOptions, decoderPool } from '../../src/adapters/decoder/pool.ts';
import type { Decoded, Decoder } from '../../src/ports/decoder.ts';
import { opusHead } from '../media/make-opus.ts';
import { ebmlHeader, element, tracks } from '../media/make-webm.ts';
import { decodersOf, gone, openFiles } from './decoder-processes.ts';

const MiB = 2 ** 20;
const never = new AbortController().signal;
const MISBEHAVING = join(import.meta.dirname, 'decoder-misbehaving.ts');
const CALL = readFileSync('samples/call.opus');
/** So many bytes are given to a child before the recording has ended. */
const READY = 256 * 1024;
/** With numbers of one byte, as prism-media expects them. */
const TRACKS = tracks(
  element('ae', [
    element('d7', Buffer.from([1])),
    element('83', Buffer.from([2])),
    element('86', Buffer.from('A_OPUS')),
    element('63a2', opusHead()),
  ]),
);
const FAILED: Decoded = { made: [], warnings: ['DECODER_FAILED'] };
const SLOW: Decoded = { made: [], warnings: ['DECODER_SLOW'] };

let decoder: Decoder | undefined;
function open(more: Partial<DecoderPoolOptions> = {}): Decoder {
  decoder = decoderPool({
    children: 1,
    memoryBytes: 256 * MiB,
    answerMs: 30_000,
    queueBytes: 64 * MiB,
    ...more,
  });
  return decoder;
}
afterEach(async () => {
  await decoder?.close();
  const left = decodersOf(process.pid); // zombies are among them
  if (left.length > 0) throw new Error(`${left.length} children are left`);
});

/** A recording that makes the misbehaving child do what `mode` says. */
async function misbehaving(pool: Decoder, mode: string, bytes = Buffer.alloc(8192)): Promise<Decoded> {
  const decoding = pool.begin({ container: 'ogg', declared: { codec: mode } });
  decoding.push(bytes);
  return await decoding.end(never);
}

async function decoded(pool: Decoder, bytes: Buffer, container: 'ogg' | 'webm' = 'ogg'): Promise<Decoded> {
  const decoding = pool.begin({ container, declared: undefined });
  decoding.push(bytes);
  return await decoding.end(never);
}

describe('a child that goes wrong costs its own recording what is extra, and the next one nothing', () => {
  const cases: readonly string[] = [
    'abort',
    'exit',
    'an unknown warning',
    'no JSON',
    'peaks alone',
    'peaks twice',
    'more taken than given',
    'a frame too long',
    'a kind that is none',
  ];
  for (const mode of cases) {
    test(`${mode}: DECODER_FAILED`, async () => {
      const pool = open({ program: MISBEHAVING });
      const [wrong, next] = await Promise.all([misbehaving(pool, mode), misbehaving(pool, 'good')]);
      expect(wrong).toEqual(FAILED);
      expect(next.made.map(({ kind }) => kind)).toEqual(['peaks', 'stats']);
    });
  }

  test('it leaks: DECODER_OUT_OF_MEMORY', async () => {
    const pool = open({ program: MISBEHAVING });
    expect(await misbehaving(pool, 'leaks')).toEqual({ made: [], warnings: ['DECODER_OUT_OF_MEMORY'] });
    expect((await misbehaving(pool, 'good')).warnings).toEqual([]);
  });

  test('it hangs, or never answers: DECODER_SLOW', async () => {
    const pool = open({ program: MISBEHAVING, children: 2, answerMs: 2000 });
    const modes = ['hangs', 'never answers'];
    const all = await Promise.all(modes.map(async (mode) => await misbehaving(pool, mode)));
    expect(all).toEqual([SLOW, SLOW]);
  });

  test('it hangs while the recording still comes: given up without being asked', async () => {
    const pool = open({ program: MISBEHAVING, answerMs: 2000 });
    const decoding = pool.begin({ container: 'ogg', declared: { codec: 'hangs' } });
    decoding.push(Buffer.alloc(READY));
    const [pid = 0] = decodersOf(process.pid);
    await gone(pid);
    decoding.push(Buffer.alloc(READY));
    expect(await decoding.end(never)).toEqual(SLOW);
  });

  test('it is killed midway: DECODER_FAILED', async () => {
    const pool = open();
    const decoding = pool.begin({ container: 'ogg', declared: undefined });
    decoding.push(CALL.subarray(0, READY));
    const [pid = 0] = decodersOf(process.pid);
    process.kill(pid, 'SIGKILL');
    decoding.push(CALL.subarray(READY));
    expect(await decoding.end(never)).toEqual(FAILED);
    expect((await decoded(pool, CALL)).warnings).toEqual([]);
  });

  test('it cannot even start: DECODER_FAILED', async () => {
    const pool = open({ program: join(import.meta.dirname, 'nowhere.ts') });
    expect(await decoded(pool, CALL)).toEqual(FAILED);
  });
});

test('whoever finds no child in time is given up: DECODER_BUSY', async () => {
  const pool = open({ program: MISBEHAVING, answerMs: 5000 });
  const other = pool.begin({ container: 'ogg', declared: { codec: 'good' } });
  other.push(Buffer.alloc(READY)); // has the child from here on, and does not end
  expect(await misbehaving(pool, 'good')).toEqual({ made: [], warnings: ['DECODER_BUSY'] });
  expect((await other.end(never)).made).toHaveLength(2);
});

for (const mode of ['grown', 'says more than it was asked']) {
  test(`${mode}: the child is replaced, and no recording pays for it`, async () => {
    const pool = open({ program: MISBEHAVING });
    const first = pool.begin({ container: 'ogg', declared: { codec: mode } });
    first.push(Buffer.alloc(READY));
    const [pid = 0] = decodersOf(process.pid);
    expect((await first.end(never)).made).toHaveLength(2);
    await gone(pid);
    expect((await misbehaving(pool, 'good')).made).toHaveLength(2);
  });
}

test('a WebM of 14 bytes that hangs prism-media never reaches it; one that hides the same behind a track does', async () => {
  const pool = open({ answerMs: 4000 });
  const endless = Buffer.from('ec01000000fffffff7', 'hex'); // a Void of 4 GB: less than nothing in 32 bits
  const bytes = Buffer.concat([Buffer.from('1a45dfa380', 'hex'), endless]);
  expect(await decoded(pool, bytes, 'webm')).toEqual({ made: [], warnings: [] });
  const hidden = Buffer.concat([ebmlHeader, element('18538067', [TRACKS, endless], 'unknown')]);
  expect(await decoded(pool, hidden, 'webm')).toEqual(SLOW);
  expect((await decoded(pool, CALL)).warnings).toEqual([]);
});

test('a child has no environment, no inspector and a low priority; it may write nothing and start nothing', async () => {
  const pool = open();
  await decoded(pool, CALL.subarray(0, 20_000));
  const [pid = 0] = decodersOf(process.pid);
  expect(readFileSync(`/proc/${pid}/environ`, 'utf8')).toBe('');
  const options = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
  expect(options).toEqual(expect.arrayContaining(['--permission', '--disable-sigusr1', '--no-addons']));
  expect(options.filter((option) => /write|child-process|inspect/.test(option))).toEqual([]);
  expect(Number(readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ')[16])).toBe(10);
});

test('three hundred recordings over two children: no child is replaced, no file stays open', async () => {
  const pool = open({ children: 2 });
  const part = CALL.subarray(0, 20_000);
  const some = async (count: number): Promise<void> => {
    const all = await Promise.all(Array.from({ length: count }, async () => await decoded(pool, part)));
    expect(all.filter(({ made }) => made.length !== 2)).toEqual([]);
  };
  const seen = (): unknown => {
    const children = decodersOf(process.pid);
    return { children, files: [process.pid, ...children].map(openFiles) };
  };
  await some(20);
  const before = seen();
  await some(280);
  expect(seen()).toEqual(before);
});

test('children die with a parent that is killed, even while they hang', async () => {
  const parent = spawn(
    process.execPath,
    ['--no-warnings', join(import.meta.dirname, 'decoder-parent.ts'), MISBEHAVING],
    {
      stdio: ['ignore', 'pipe', 'inherit'],
    },
  );
  await once(parent.stdout, 'data');
  const children = decodersOf(parent.pid ?? 0);
  expect(children).toHaveLength(2);
  parent.kill('SIGKILL');
  await Promise.all(children.map(gone));
});
