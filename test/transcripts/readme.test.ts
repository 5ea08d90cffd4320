import { readFileSync } from 'node:fs';
import { beforeAll, expect, test } from 'vitest';
import { comparable, consoleOf, runConsole } from './readme-console.ts';

/** Needs services: test/integration/demo-production.test.ts runs it and compares it with the page. */
const PRODUCTION = 'make demo PROFILE=production';

/** Everything else that README.md shows of a terminal is typed into one, in a fresh folder, and read again. */
const shown = consoleOf(readFileSync('README.md', 'utf8')).filter(({ command }) => command !== PRODUCTION);

/** `make demo` would write into the checkout; this is what its recipe types. */
const DEMO = 'bin/callseal demo --profile local';

test('make demo is what the makefile says it is', () => {
  const makefile = readFileSync('Makefile', 'utf8');
  expect(makefile).toContain('@bin/callseal demo --profile $(PROFILE)');
  expect(makefile).toContain('PROFILE ?= local');
});

let said: string[] = [];
beforeAll(async () => {
  said = await runConsole(shown.map(({ command }) => (command === 'make demo' ? DEMO : command)));
}, 180_000);

test('the page shows the demo and a tour', () => {
  expect(shown.map(({ command }) => command)).toContain('make demo');
  expect(shown.length).toBeGreaterThan(8);
});

for (const [i, { command, output }] of shown.entries()) {
  test(`$ ${command}`, () => {
    expect(comparable(said[i] ?? '')).toBe(comparable(output));
  });
}

test('a page that shows something else is found', () => {
  const [first] = consoleOf('```console\n$ bin/callseal verify me/c-1\nok  me/c-1 audio  1 bytes\n```\n');
  const verified = said[shown.findIndex(({ command }) => command === first?.command)] ?? '';
  expect(comparable(verified)).not.toBe(comparable(first?.output ?? ''));
});
