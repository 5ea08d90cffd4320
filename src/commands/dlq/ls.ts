import type { Command } from 'commander';
import type { AnswerRow } from '../../domain/answers.ts';
import { isQuarantined } from '../../domain/replay.ts';
import type { Parked } from '../../ports/parked.ts';
import type { App } from '../app.ts';
import { example } from '../frame.ts';
import type { Column } from '../voice.ts';
import { DEFAULT_LIMIT, limit } from '../words.ts';
import { type FilterOptions, filterOf, filterOptions, newSince, stateOption } from './filter.ts';

type ListOptions = FilterOptions & { readonly limit: number };

/** As JSON: the answer's own fields, and what became of it. */
interface Listed extends AnswerRow, Omit<Parked, 'answer'> {
  readonly isNew: boolean;
}

const COLUMNS: readonly Column<Listed>[] = [
  { title: 'UID', of: ({ uid }) => uid },
  { title: 'PARKED AT', of: ({ decidedAt }) => decidedAt },
  { title: 'CALL', of: callOf },
  { title: 'REVISION', of: ({ revision }) => revision, align: 'right' },
  { title: 'CODE', of: ({ code }) => code },
  { title: 'STAGE', of: ({ park }) => park?.stage },
  { title: 'FINGERPRINT', of: ({ park }) => park && shortPrint(park.fingerprint) },
  { title: 'NEW', of: ({ isNew }) => (isNew ? 'new' : undefined) },
  { title: 'REPLAYS', of: ({ replays }) => replays, align: 'right' },
  {
    title: 'STATE',
    of: (row) => (row.state === 'waiting' && isQuarantined(row) ? 'quarantined' : row.state),
  },
];

/** `callseal dlq ls`: what was parked; fingerprints that were never seen before come first. */
export function registerDlqLs(dlq: Command, app: App): void {
  example(
    stateOption(filterOptions(dlq.command('ls')))
      .description('list what was parked: new fingerprints first, then the newest')
      .option('--limit <n>', 'at most this many', limit, DEFAULT_LIMIT)
      .action((options: ListOptions) => listParked(app, options)),
    'callseal dlq ls --tenant demo',
    'callseal dlq ls --code TENANT_UNKNOWN --since 24h --state any',
  );
}

async function listParked(app: App, options: ListOptions): Promise<void> {
  const { registry } = await app.ports();
  const since = newSince(options);
  const limits = { newSince: since, limit: options.limit };
  const parked = await registry.parked(filterOf(options), limits, app.signal);
  await app.voice.table(
    parked.map(({ answer, ...rest }) => ({ ...answer, ...rest, isNew: rest.firstSeenAt >= since })),
    COLUMNS,
  );
  if (parked.length === 0) app.voice.say('nothing is parked');
  if (parked.length === options.limit) app.voice.hint(`there may be more: --limit ${options.limit * 10}`);
}

/** Twelve digits tell causes apart, and are what `--fingerprint` takes. */
export function shortPrint(fingerprint: string): string {
  return fingerprint.slice(0, 12);
}

/** A delivery that could not be read or was not authorised has no call. */
export function callOf({ tenant, call }: Pick<AnswerRow, 'tenant' | 'call'>): string {
  return tenant === undefined || call === undefined ? '-' : `${tenant}/${call}`;
}
