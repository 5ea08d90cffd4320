import { Command, Option } from 'commander';
import { CallsealError } from '../domain/errors.ts';
import { isTicket } from '../domain/ids.ts';
import type { App, Register } from './app.ts';

/** Options of every command; they may stand before or behind its name. */
export interface GlobalOptions {
  readonly profile?: string;
  readonly defaultProfile?: string;
  readonly config?: string;
  readonly data?: string;
  readonly keys?: string;
  readonly json?: boolean;
  readonly ticket?: string;
}

/** The program without any command: name, global options, how it fails. */
export function emptyProgram(
  version: string,
  write: { readonly out: (text: string) => void; readonly error: (text: string) => void },
): Command {
  return new Command('callseal')
    .description('Seals AI call recordings and what was derived from them.')
    .version(version, '--version', 'print the version')
    .helpOption('-h, --help', 'print this')
    .helpCommand(false)
    .option('--profile <name>', 'profile: config/<name>.yaml')
    .option('--config <file>', 'settings on top of the profile')
    .option('--data <dir>', 'data folder of the embedded adapters (default: .callseal)')
    .option('--keys <path>', 'key file of the embedded adapters')
    .option('--json', 'one JSON document, or one JSON object a line for a list')
    .option('--ticket <id>', 'what the audit events of this command carry', ticket)
    .addOption(new Option('--default-profile <name>', 'profile where none is named').hideHelp())
    .configureOutput({ writeOut: write.out, writeErr: write.error, outputError: () => undefined })
    .configureHelp({ showGlobalOptions: false })
    .exitOverride();
}

function ticket(text: string): string {
  if (isTicket(text)) return text;
  throw new CallsealError(
    'USAGE',
    `--ticket must be 1 to 64 letters, digits, dots, dashes or underscores, not ${JSON.stringify(text)}`,
  );
}

export function addCommands(program: Command, commands: readonly Register[], app: App): void {
  for (const register of commands) register(program, app);
}

/** `callseal audit …`: finds the group, or makes it. */
export function group(program: Command, name: string, summary: string): Command {
  return (
    program.commands.find((command) => command.name() === name) ??
    program.command(name).description(summary).helpCommand(false)
  );
}

/** Every command's help ends in an example that runs as it stands. */
export function example(command: Command, ...lines: readonly string[]): Command {
  return command.addHelpText('after', `\n${['Example:', ...lines.map((line) => `  ${line}`)].join('\n')}`);
}
