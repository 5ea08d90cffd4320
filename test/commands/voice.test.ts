import { expect, test } from 'vitest';
import { createVoice, printable } from '../../src/commands/voice.ts';

function speaking({ json = false, tty = false } = {}) {
  const written = { stdout: '', stderr: '' };
  const sink = (name: 'stdout' | 'stderr') => ({
    isTTY: tty,
    once: () => undefined,
    write: (text: string) => {
      written[name] += text;
      return true;
    },
  });
  return { voice: createVoice(sink('stdout'), sink('stderr'), () => json), written };
}

const ROWS = [
  { name: 'a', size: 1 },
  { name: 'bcd\u001b[2J', size: 100 },
];
const COLUMNS = [
  { title: 'NAME', of: (row: (typeof ROWS)[number]) => row.name },
  { title: 'SIZE', of: (row: (typeof ROWS)[number]) => row.size, align: 'right' as const },
];

test('a table is aligned, and control characters in it are text', async () => {
  const { voice, written } = speaking();
  await voice.table(ROWS, COLUMNS);
  expect(written.stdout).toBe('NAME          SIZE\na                1\nbcd\\u001b[2J   100\n');
});

test('with --json a list is one object a line', async () => {
  const { voice, written } = speaking({ json: true });
  await voice.table(ROWS, COLUMNS);
  expect(
    written.stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as unknown),
  ).toEqual(ROWS);
});

test('an empty list is nothing at all on stdout', async () => {
  for (const json of [false, true]) {
    const { voice, written } = speaking({ json });
    await voice.table([], COLUMNS);
    expect(written.stdout).toBe('');
  }
});

test('with --json one thing is one document', async () => {
  const { voice, written } = speaking({ json: true });
  await voice.document({ a: 1 }, () => ['never']);
  expect(JSON.parse(written.stdout)).toEqual({ a: 1 });
});

test('lines for people hold no control character, not even a line feed from an id', async () => {
  const { voice, written } = speaking();
  await voice.document({}, () => ['call a\nsealed', 'b\u001b[2J']);
  expect(written.stdout).toBe('call a\\u000asealed\nb\\u001b[2J\n');
});

test('JSON holds no character that a terminal obeys, and still parses to the same', async () => {
  const value = { text: 'a\u0007\u001b\u007f\u009b\u2028\u202e\u2066b' };
  const { voice, written } = speaking({ json: true });
  await voice.item(value, () => '');
  expect(written.stdout).toMatch(/^[ -~\n]*$/);
  expect(JSON.parse(written.stdout)).toEqual(value);
});

test('stderr has the voice, line by line, and stdout stays empty', () => {
  const { voice, written } = speaking();
  voice.error('one\ntwo');
  voice.hint('callseal doctor');
  expect(written).toEqual({
    stdout: '',
    stderr: 'callseal: error: one\ncallseal: error: two\ncallseal: hint: callseal doctor\n',
  });
});

test('progress is for a terminal only, never with --json, and gives way to a message', () => {
  for (const given of [{}, { tty: true, json: true }]) {
    const { voice, written } = speaking(given);
    voice.progress('50 %');
    expect(written.stderr).toBe('');
  }
  const { voice, written } = speaking({ tty: true });
  voice.progress('50 %');
  voice.say('done');
  expect(written.stderr).toBe('\r\u001b[Kcallseal: 50 %\r\u001b[Kcallseal: done\n');
});

test('a raw line is byte for byte the same, except on a terminal', async () => {
  const line = '{"a":"\u009b"}';
  const piped = speaking();
  await piped.voice.raw(line);
  expect(piped.written.stdout).toBe(`${line}\n`);
  const seen = speaking({ tty: true });
  await seen.voice.raw(line);
  expect(seen.written.stdout).toBe(`${printable(line)}\n`);
});

test('a slow reader is waited for', async () => {
  let drain: (() => void) | undefined;
  const slow = { write: () => false, once: (_: 'drain', listener: () => void) => (drain = listener) };
  const voice = createVoice(slow, slow, () => true);
  let done = false;
  const writing = voice.item(1, () => '').then(() => (done = true));
  await Promise.resolve();
  expect(done).toBe(false);
  drain?.();
  await writing;
});
