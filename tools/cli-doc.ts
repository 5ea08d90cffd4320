// docs/cli.md, from the commands themselves. A test fails where the file differs from what this makes.
// usage: node tools/cli-doc.ts   (make docs)
import { writeFile } from 'node:fs/promises';
import type { Command } from 'commander';
import { COMMANDS } from '../src/commands/all.ts';
import type { App } from '../src/commands/app.ts';
import { addCommands, emptyProgram } from '../src/commands/frame.ts';
import { EXIT } from '../src/domain/errors.ts';

export const CLI_DOCUMENT = 'docs/cli.md';

const EXIT_MEANINGS = {
  ok: 'done',
  unexpected: 'something unexpected: a defect of callseal',
  usage: 'the command was typed wrong',
  notFound: 'not found, nothing matched',
  verificationFailed: 'verification failed: tampered with or damaged',
  partial: 'only a part was done',
  unreachable: 'a dependency is unreachable',
  refused: 'refused by a guard: a hold, a confirmation, a permission, another worker',
  badConfig: 'bad configuration',
  gone: 'gone: the call was shredded',
  interrupted: 'interrupted by a signal',
} as const satisfies Record<keyof typeof EXIT, string>;

const EXIT_ROWS = Object.entries(EXIT).map(([name, code]) => {
  const meaning = Object.entries(EXIT_MEANINGS).find(([known]) => known === name)?.[1] ?? '';
  return `| ${code} | ${meaning} |`;
});

const INTRO = `# The command

Made from the commands themselves by \`make docs\`; do not edit.

stdout is data only; everything else goes to stderr as \`callseal: …\`, an error followed by hints that say what to type
next. With \`--json\` one thing is one document and a list is one JSON object a line. Control characters in ids and names
are escaped before they reach a terminal. The first signal finishes what is in hand, the second leaves at once.

\`bin/callseal\` takes the profile \`local\` where none is named, and says so; the worker process of an image has no such
default.

## Exit codes

| code | meaning |
| --- | --- |
${EXIT_ROWS.join('\n')}
`;

/** The program with every command, none of which can be run. */
export function documentedProgram(): Command {
  const program = emptyProgram('0.0.0', { out: () => undefined, error: () => undefined });
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- commands use it when they run, and none does
  addCommands(program, COMMANDS, {} as App);
  return program;
}

/** Every command that does something, with its words: `['audit', 'verify']`. */
export function commandsOf(
  command: Command,
  words: readonly string[] = [],
): { words: readonly string[]; command: Command }[] {
  if (command.commands.length === 0) return [{ words, command }];
  return command.commands.flatMap((child) => commandsOf(child, [...words, child.name()]));
}

/** What `--help` prints, an example at its end. */
export function helpOf(command: Command): string {
  let text = '';
  command.configureOutput({
    writeOut: (part) => (text += part),
    getOutHelpWidth: () => 100,
    getOutHasColors: () => false,
  });
  command.outputHelp();
  return text.trimEnd();
}

export function cliDocument(): string {
  const program = documentedProgram();
  const sections = [
    ['Global options', program],
    ...commandsOf(program).map(({ words, command }) => [`callseal ${words.join(' ')}`, command] as const),
  ] as const;
  return [
    INTRO,
    ...sections.map(([title, command]) => `## ${title}\n\n\`\`\`text\n${helpOf(command)}\n\`\`\`\n`),
  ].join('\n');
}

if (import.meta.main) await writeFile(CLI_DOCUMENT, cliDocument());
