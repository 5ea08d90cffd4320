import type { Command } from 'commander';
import type { Settings } from '../config/schema.ts';
import { CallsealError, EXIT } from '../domain/errors.ts';
import { type AcceptedRestore, acceptRestore } from '../work/accept-restore.ts';
import { type RestoreState, restoreState } from '../work/restore-state.ts';
import type { App } from './app.ts';
import { example } from './frame.ts';
import { counted } from './words.ts';

/** `callseal registry status|accept-restore`: a registry that was put back, of any kind. */
export function registerRegistryRestore(registry: Command, app: App): void {
  example(
    registry
      .command('status')
      .description('say whether the registry was put back, and what to type next')
      .action(() => status(app)),
    'callseal registry status',
  );
  example(
    registry
      .command('accept-restore')
      .description(
        'after a restore, with every worker ended: have what it forgot answered anew; safe to repeat',
      )
      .option('--without-sign', 'also where nothing shows that it went back: its loss was not relayed yet')
      .action((options: { withoutSign?: boolean }) => accept(app, options.withoutSign ?? false)),
    'callseal registry accept-restore --ticket CHG-1042',
  );
}

async function status({ restoreDesk, signal, voice, exitWith }: App): Promise<void> {
  const desk = await restoreDesk();
  try {
    const found = await restoreState(desk.parts, signal);
    await voice.document(found, () => [sentenceOf(found)]);
    for (const hint of hintsOf(found)) voice.hint(hint);
    if (found.state !== 'as-known') exitWith(EXIT.refused);
  } finally {
    await desk.close();
  }
}

function sentenceOf({ state, sign, epoch, auditSeq, publishedSeq }: RestoreState): string {
  switch (state) {
    case 'as-known':
      return `the registry is as the audit topic and the tombstones know it (epoch ${epoch}, audit event ${auditSeq}): nothing to do`;
    case 'unnoticed':
      return `the registry went back and no worker has noticed yet: ${signText(sign, auditSeq, publishedSeq)}`;
    case 'not-accepted':
      return `the registry went back (epoch ${epoch} now) and its restore is not accepted: nothing is decided, swept or shredded`;
  }
}

function signText(sign: RestoreState['sign'], auditSeq: number, publishedSeq: number): string {
  if (sign === 'behind') return `it ends at audit event ${auditSeq}, and ${publishedSeq} was published`;
  if (sign === 'forked') return `it has another audit event ${publishedSeq} than the one that was published`;
  return 'it has forgotten a shred';
}

function hintsOf({ state, members }: RestoreState): string[] {
  if (state === 'as-known') return [];
  const workers =
    members.length > 0 ? [`end ${counted(members.length, 'worker')}: ${members.join(', ')}`] : [];
  return [...workers, 'callseal registry accept-restore --ticket TICKET, then start the workers'];
}

async function accept(app: App, withoutSign: boolean): Promise<void> {
  const { restoreDesk, signal, voice, ticket, settings } = app;
  if (ticket === undefined) {
    throw new CallsealError('USAGE', 'a restore is accepted under a ticket', {
      hint: 'callseal registry accept-restore --ticket CHG-1042',
    });
  }
  const isOneFile = isInOneFile((await settings()).settings);
  const desk = await restoreDesk();
  try {
    const done = await acceptRestore(
      desk.parts,
      { withoutSign },
      ({ looked, handedOver }) =>
        voice.progress(`${counted(looked, 'done record')} looked at, ${handedOver} handed over`),
      signal,
    );
    await voice.document(done === undefined ? { accepted: false } : { accepted: true, ...done }, () =>
      done === undefined
        ? ['the registry did not go back, or that is accepted already: nothing to do']
        : linesOf(done, isOneFile),
    );
    if (done !== undefined) voice.hint(isOneFile ? PUBLISH_AGAIN : 'start the workers');
  } finally {
    await desk.close();
  }
}

/** Registry and inbox are one file and went back together. */
function isInOneFile({ registry, inbox }: Settings): boolean {
  return registry.kind === 'sqlite' && inbox.kind === 'sqlite';
}

const PUBLISH_AGAIN =
  'what was published since the backup is gone from the inbox, which is the same file: publish it again, then start the worker';

function linesOf({ epoch, tombstones, chain, deliveries }: AcceptedRestore, isOneFile: boolean): string[] {
  const missing = chain.missing > 0 ? `, ${counted(chain.missing, 'event')} nowhere to be found` : '';
  return [
    `accepted  epoch ${epoch}`,
    `shreds    ${tombstones} done again`,
    `audit     ${counted(chain.taken, 'event')} taken back from the audit topic${missing}`,
    isOneFile
      ? `inbox     in the same file as the registry: nothing of it is without its answer`
      : `inbox     ${counted(deliveries.looked, 'done record')} looked at, ${deliveries.handedOver} without an answer handed over to the retry topic`,
  ];
}
