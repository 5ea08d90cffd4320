import { globSync, readFileSync } from 'node:fs';
import { basename } from 'node:path';
import type { Command } from 'commander';
import { documentedProgram } from '../../tools/cli-doc.ts';

/** A page for operators. `name` is that of its file, without `.md`. */
export interface OperatorPage {
  readonly file: string;
  readonly name: string;
  readonly text: string;
}

export function operatorPages(): OperatorPage[] {
  return globSync(['docs/runbooks/*.md', 'docs/operate.md'])
    .toSorted()
    .map((file) => ({ file, name: basename(file, '.md'), text: readFileSync(file, 'utf8') }));
}

/** What stands behind the backquotes of each fence, also inside a list. */
export function fencesOf(text: string): string[] {
  return [...text.matchAll(/^ *```(.*)$/gm)].map(([, info = '']) => info).filter((_, i) => i % 2 === 0);
}

/** Every `callseal …` of a page, in fences and between backquotes. */
export function commandsIn(text: string): string[] {
  const fences = [...text.matchAll(/^ *```.*\n([\s\S]*?)^ *```$/gm)].map(([, body = '']) => body);
  const lines = fences.flatMap((body) => body.replaceAll(/\\\n\s*/g, ' ').split('\n'));
  const prose = text.replaceAll(/^ *```[\s\S]*?^ *```$/gm, '');
  const quoted = [...prose.matchAll(/`([^`\n]+)`/g)].map(([, code = '']) => code);
  return [...lines, ...quoted].map((line) => line.trim()).filter((line) => /^callseal( |$)/.test(line));
}

/** The first word of a command line that the CLI does not have: a command or an option. */
export function unknownIn(line: string): string | undefined {
  const program = documentedProgram();
  let command: Command = program;
  for (const word of line.split(/\s+/).slice(1)) {
    const next = command.commands.find((child) => child.name() === word);
    if (next) command = next;
    else if (word.startsWith('-')) {
      const known = [...command.options, ...program.options];
      if (!known.some(({ long, short }) => long === word || short === word)) return word;
    } else if (command.commands.length > 0) return word;
  }
  return undefined;
}
