import { expect, test } from 'vitest';
import { normaliser } from './normalise.ts';
import { nameOf, parseSession, runSession } from './session.ts';

const NEVER_RUN =
  '# what is expected is thrown away when it is read\n\n$ true\nout\n\nmore out\n! err\n? 3\n\n# next\n\n$ cat <<end\n> > $\n>\n> end\n';

test('a session is commands and comments; what was expected of them is not kept', () => {
  expect(parseSession(NEVER_RUN)).toEqual([
    { command: [], after: ['# what is expected is thrown away when it is read', ''] },
    { command: ['true'], after: ['', '# next', ''] },
    { command: ['cat <<end', '> $', '', 'end'], after: [] },
  ]);
  expect(nameOf(NEVER_RUN)).toBe('what is expected is thrown away when it is read');
});

test('what a run writes down is what it reads again', async () => {
  const written =
    '# three\n\n$ printf "a\\n\\nb\\n"\na\n\nb\n$ echo no >&2; exit 3\n! no\n? 3\n\n# the same folder\n\n$ cat <<end\n> one\n> end\none\n';
  expect(await runSession(written)).toBe(written);
});

test('output that would be read as a mark fails the session', async () => {
  await expect(runSession('# a mark\n$ echo "? 2"\n')).rejects.toThrow('would be read as a mark');
});

test('the same uid is the same number from the first line to the last', () => {
  const normalised = normaliser('/tmp/x');
  const [a, b] = ['5b0c1f9e-3c55-4f43-9d7e-1f2a4c8b6d10', '6b0c1f9e-3c55-4f43-9d7e-1f2a4c8b6d10'];
  expect([normalised(`${a} ${b}`), normalised(`${b} in /tmp/x/y`)]).toEqual([
    '<uid-1> <uid-2>',
    '<uid-2> in <folder>/y',
  ]);
});
