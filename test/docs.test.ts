import { globSync, readFileSync } from 'node:fs';
import type { Command } from 'commander';
import { expect, test } from 'vitest';
import { settingKeys } from '../src/config/setting-keys.ts';
import { CLI_DOCUMENT, cliDocument, commandsOf, documentedProgram, helpOf } from '../tools/cli-doc.ts';
import { schemaDocuments } from '../tools/schemas.ts';
import { SETTINGS_DOCUMENT, settingsDocument } from '../tools/settings-doc.ts';

const GENERATED = new Map([
  [SETTINGS_DOCUMENT, settingsDocument()],
  [CLI_DOCUMENT, cliDocument()],
  ...schemaDocuments(),
]);

for (const [path, text] of GENERATED) {
  test(`${path} is what make docs makes`, () => {
    expect(readFileSync(path, 'utf8')).toBe(text);
  });
}

test('every setting says what it means', () => {
  const silent = settingKeys().filter(({ path, types, description }) => {
    const isBlock = types.includes('object');
    return description === '' && !isBlock && path.at(-1) !== 'kind';
  });
  expect(silent.map(({ path }) => path.join('.'))).toEqual([]);
});

for (const profile of ['local', 'production']) {
  test(`every key of config/${profile}.yaml has a comment above, behind or, for a block, below it`, () => {
    const lines = readFileSync(`config/${profile}.yaml`, 'utf8').split('\n');
    const isComment = (line = ''): boolean => /^ *#/.test(line);
    const bare = lines.filter((line, i) => {
      if (!/^ *['\w*.-]+:/.test(line) || / # /.test(line) || isComment(lines[i - 1])) return false;
      return !(line.endsWith(':') && isComment(lines[i + 1]));
    });
    expect(bare).toEqual([]);
  });
}

const PROGRAM = documentedProgram();
const ALL_COMMANDS = commandsOf(PROGRAM);

for (const { words, command } of ALL_COMMANDS) {
  test(`callseal ${words.join(' ')} --help ends in an example of itself`, () => {
    const help = helpOf(command);
    expect(help).toContain(`\nExample:\n  callseal ${words.join(' ')}`);
  });
}

/** Lines of shell in the documents: fences marked sh, bash, shell or console, and every help text's example. */
function shellLines(markdown: string): string[] {
  const fences = [...markdown.matchAll(/^```(sh|bash|shell|console|text)\n([\s\S]*?)^```/gm)];
  return fences.flatMap(([, language, body = '']) => {
    const lines = body.replace(/\\\n\s*/g, ' ').split('\n');
    if (language === 'console')
      return lines.filter((line) => line.startsWith('$ ')).map((line) => line.slice(2));
    return language === 'text' ? lines.filter((line) => line.startsWith('  callseal ')) : lines;
  });
}

/** Calls of the command in a line: `X=1 bin/callseal list | head && callseal show a/b` has two. */
function callsIn(line: string): string[][] {
  return line
    .replace(/(^|\s)#.*$/, '')
    .split(/&&|\|\||[|;]|\$\(|\)/)
    .map((part) => part.trim().split(/\s+/))
    .map((words) => words.slice(words.findIndex((word) => !/^\w+=/.test(word) && word !== 'sudo')))
    .filter(([name = '']) => /^(\.?\/?bin\/)?callseal$/.test(name))
    .map(([, ...words]) => words);
}

/** What of a call the command does not have: its name, or an option. */
function unknownIn(words: readonly string[]): string | undefined {
  let command: Command = PROGRAM;
  for (const word of words) {
    const next = command.commands.find((child) => child.name() === word);
    if (next) command = next;
    else if (word.startsWith('-') && word !== '-' && word !== '--') {
      const options = [...PROGRAM.options, ...command.options].flatMap(({ short, long }) => [short, long]);
      const name = word.split('=')[0];
      if (![...options, '--help', '-h'].includes(name)) return `no option ${name}`;
    } else if (command.commands.length > 0 && !isValue(words, word)) return `no command ${word}`;
  }
  return undefined;
}

/** A word behind a global option that takes one: `--profile local list`. */
function isValue(words: readonly string[], word: string): boolean {
  const before = words[words.indexOf(word) - 1];
  return PROGRAM.options.some((option) => option.required && option.long === before);
}

const DOCUMENTS = globSync(['*.md', 'docs/**/*.md', 'samples/**/*.md', 'deploy/**/*.md']);
const DOCUMENTED = DOCUMENTS.flatMap((file) =>
  shellLines(readFileSync(file, 'utf8')).flatMap((line) => callsIn(line).map((words) => ({ file, words }))),
);

test('every command and option that the documents show exists', () => {
  expect(DOCUMENTED.length).toBeGreaterThan(ALL_COMMANDS.length - 1);
  const wrong = DOCUMENTED.map(({ file, words }) => ({
    file,
    call: words.join(' '),
    wrong: unknownIn(words),
  }));
  expect(wrong.filter((found) => found.wrong !== undefined)).toEqual([]);
});

for (const [line, wrong] of [
  ['callseal lst', 'no command lst'],
  ['callseal config chek', 'no command chek'],
  ['callseal list --tennant demo', 'no option --tennant'],
  ['A=1 bin/callseal --profile local list | callseal nope', 'no command nope'],
  ['callseal list && callseal show demo/c-1 --verbose', 'no option --verbose'],
] as const) {
  test(`found in a document: ${line}`, () => {
    expect(callsIn(line).map(unknownIn)).toContain(wrong);
  });
}

test('the makefile targets that the documents name exist', () => {
  const targets = new Set(
    [...readFileSync('Makefile', 'utf8').matchAll(/^([a-z-]+):/gm)].map(([, name]) => name),
  );
  const named = DOCUMENTS.flatMap((file) =>
    [...readFileSync(file, 'utf8').matchAll(/(?:`|^)make ([a-z-]+)/gm)].map(([, name = '']) => ({
      file,
      name,
    })),
  );
  expect(named.filter(({ name }) => !targets.has(name))).toEqual([]);
});
