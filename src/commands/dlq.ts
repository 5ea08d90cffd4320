import type { Command } from 'commander';
import type { AnswerRow } from '../domain/answers.ts';
import { placeText } from '../domain/deliveries.ts';
import { CallsealError } from '../domain/errors.ts';
import type { App } from './app.ts';
import { example, group } from './frame.ts';
import type { Column } from './voice.ts';
import { DEFAULT_LIMIT, id, limit } from './words.ts';

interface ListOptions {
  readonly tenant?: string;
  readonly limit: number;
}

const COLUMNS: readonly Column<AnswerRow>[] = [
  { title: 'UID', of: ({ uid }) => uid },
  { title: 'PARKED AT', of: ({ decidedAt }) => decidedAt },
  { title: 'CALL', of: callOf },
  { title: 'REVISION', of: ({ revision }) => revision, align: 'right' },
  { title: 'CODE', of: ({ code }) => code },
  { title: 'STAGE', of: ({ park }) => park?.stage },
];

/** `callseal dlq ls|show`: what was parked and why. What a dead letter holds stays sealed. */
export function registerDlq(program: Command, app: App): void {
  const dlq = group(program, 'dlq', 'the dead letters');
  example(
    dlq
      .command('ls')
      .description('list what was parked, newest first')
      .option('--tenant <id>', 'only of this tenant', id)
      .option('--limit <n>', 'at most this many', limit, DEFAULT_LIMIT)
      .action((options: ListOptions) => listParked(app, options)),
    'callseal dlq ls --tenant demo',
  );
  example(
    dlq
      .command('show')
      .description('show why one delivery was parked')
      .argument('<uid>', 'uid of the answer, as dlq ls lists it', id)
      .action((uid: string) => showParked(app, uid)),
    'callseal dlq show 5b0c1f9e-3c55-4f43-9d7e-1f2a4c8b6d10',
  );
}

async function listParked(app: App, options: ListOptions): Promise<void> {
  const { registry } = await app.ports();
  const parked = await registry.answers({ ...options, answer: 'parked' }, app.signal);
  await app.voice.table(parked, COLUMNS);
  if (parked.length === 0) app.voice.say('nothing is parked');
  if (parked.length === options.limit) app.voice.hint(`there may be more: --limit ${options.limit * 10}`);
}

async function showParked(app: App, uid: string): Promise<void> {
  const { registry } = await app.ports();
  const row = await registry.answer(uid, app.signal);
  if (row?.park === undefined) {
    throw new CallsealError('NOT_FOUND', `nothing parked has the uid ${uid}`, { hint: 'callseal dlq ls' });
  }
  const { park } = row;
  await app.voice.document(row, () => [
    `uid          ${row.uid}`,
    `call         ${callOf(row)}, revision ${row.revision ?? '-'}`,
    `code         ${park.code}, at ${park.stage}`,
    `fingerprint  ${park.fingerprint}`,
    `failures     ${park.counted} counted${park.counted === 0 ? '' : `, the first at ${park.firstFailedAt}`}`,
    `parked at    ${row.decidedAt}`,
    `origin       ${placeText(row.origin)}, replay ${row.replay}`,
  ]);
}

/** A delivery that could not be read has no call. */
function callOf({ tenant, call }: AnswerRow): string {
  return tenant === undefined || call === undefined ? '-' : `${tenant}/${call}`;
}
