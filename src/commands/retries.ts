import type { Command } from 'commander';
import type { Code } from '../domain/errors.ts';
import { type WaitingRetry, waitingRetries } from '../work/retries.ts';
import type { App } from './app.ts';
import { errorCode } from './dlq/filter.ts';
import { example, group } from './frame.ts';
import type { Column } from './voice.ts';
import { DEFAULT_LIMIT, id, limit } from './words.ts';

interface RetriesOptions {
  readonly tenant?: string;
  readonly code?: Code;
  readonly limit: number;
}

const COLUMNS: readonly Column<WaitingRetry>[] = [
  { title: 'ORIGIN', of: ({ origin }) => origin },
  { title: 'CALL', of: ({ tenant, call }) => (tenant === undefined ? undefined : `${tenant}/${call}`) },
  { title: 'CODE', of: ({ code, held }) => code ?? (held && `${held} (held)`) },
  { title: 'FIRST FAILED AT', of: ({ firstFailedAt }) => firstFailedAt },
  { title: 'ATTEMPTS', of: ({ attempts }) => attempts, align: 'right' },
  { title: 'DUE AT', of: ({ dueAt }) => dueAt },
];

/** `callseal retries ls`: what waits for another try. */
export function registerRetries(program: Command, app: App): void {
  example(
    group(program, 'retries', 'what waits in the retry topic')
      .command('ls')
      .description('list what waits for another try, the next one due first')
      .option('--tenant <id>', 'only of this tenant', id)
      .option('--code <code>', 'only what failed with this, or is held for it', errorCode)
      .option('--limit <n>', 'at most this many', limit, DEFAULT_LIMIT)
      .action((options: RetriesOptions) => listRetries(app, options)),
    'callseal retries ls --code SOURCE_MISSING',
  );
}

async function listRetries(app: App, options: RetriesOptions): Promise<void> {
  const { inbox } = await app.ports();
  const { tenants } = await app.desk();
  const { limits } = (await app.settings()).settings;
  const { retries, waiting } = await waitingRetries({ inbox, tenants, limits }, options, app.signal);
  await app.voice.table(retries, COLUMNS);
  if (waiting === 0) app.voice.say('nothing waits for another try');
  else if (waiting > retries.length) {
    app.voice.hint(`${waiting - retries.length} more wait: --limit ${options.limit * 10}`);
  }
}
