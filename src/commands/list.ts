import type { Command } from 'commander';
import { EXIT } from '../domain/errors.ts';
import type { CallSummary } from '../ports/registry.ts';
import type { App } from './app.ts';
import { example } from './frame.ts';
import type { Column } from './voice.ts';
import { callText, DEFAULT_LIMIT, id, limit, revisionText } from './words.ts';

interface ListOptions {
  readonly tenant?: string;
  readonly limit: number;
}

const COLUMNS: readonly Column<CallSummary>[] = [
  { title: 'CALL', of: callText },
  { title: 'REVISION', of: ({ current }) => current && revisionText(current), align: 'right' },
  { title: 'STATE', of: stateOf },
  { title: 'SEALED AT', of: ({ sealedAt }) => sealedAt },
  { title: 'ARTIFACTS', of: ({ artifacts }) => artifacts, align: 'right' },
  { title: 'SEALED BYTES', of: ({ sealedBytes }) => sealedBytes, align: 'right' },
  { title: 'WARNINGS', of: ({ warnings }) => warnings, align: 'right' },
];

/** `callseal list`: the calls of the registry. */
export function registerList(program: Command, app: App): void {
  example(
    program
      .command('list')
      .description('list calls')
      .option('--tenant <id>', 'only calls of this tenant', id)
      .option('--limit <n>', 'at most this many', limit, DEFAULT_LIMIT)
      .action((options: ListOptions) => listCalls(app, options)),
    'callseal list --tenant demo',
  );
}

async function listCalls(app: App, options: ListOptions): Promise<void> {
  const { registry } = await app.ports();
  const calls = await registry.calls(options, app.signal);
  await app.voice.table(calls, COLUMNS);
  if (calls.length === options.limit) app.voice.hint(`there may be more: --limit ${options.limit * 10}`);
  if (calls.length > 0) return;
  app.voice.say(
    options.tenant === undefined ? 'there is no call yet' : `tenant ${options.tenant} has no call`,
  );
  if (options.tenant !== undefined) app.exitWith(EXIT.notFound);
}

/** `sealed`, `shredded`, or `unsealed`: known to the registry, without a receipt. */
export function stateOf({ shredded, current }: Pick<CallSummary, 'shredded' | 'current'>): string {
  if (shredded) return 'shredded';
  return current === undefined ? 'unsealed' : 'sealed';
}
