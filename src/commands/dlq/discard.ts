import type { Command } from 'commander';
import type { Action } from '../../domain/audit-event.ts';
import { CallsealError, EXIT } from '../../domain/errors.ts';
import type { Parked } from '../../ports/parked.ts';
import { aboutDelivery, lettersThere } from '../../work/dead-letters-opened.ts';
import type { App } from '../app.ts';
import { example } from '../frame.ts';
import { counted } from '../words.ts';
import { chosenParked } from './chosen.ts';
import { type FilterOptions, filterOptions } from './filter.ts';

/** `callseal dlq discard|restore`: dead letters that nobody wants any more, and the way back. */
export function registerDlqDiscard(dlq: Command, app: App): void {
  example(
    filterOptions(dlq.command('discard'))
      .description('put dead letters aside for good: no replay takes them; needs --ticket, audited')
      .argument('[uid...]', 'which; or a filter')
      .action((refs: string[], options: FilterOptions) => discard(app, refs, options)),
    'callseal dlq discard --fingerprint 5f1b9c0d2e7a --ticket OPS-1',
  );
  example(
    filterOptions(dlq.command('restore'))
      .description('take discarded dead letters back, while their topic holds them; needs --ticket, audited')
      .argument('[uid...]', 'which; or a filter')
      .action((refs: string[], options: FilterOptions) => restore(app, refs, options)),
    'callseal dlq restore --fingerprint 5f1b9c0d2e7a --ticket OPS-2',
  );
}

async function discard(app: App, refs: readonly string[], options: FilterOptions): Promise<void> {
  requireTicket(app);
  const { registry } = await app.ports();
  const chosen = await chosenParked(registry, { refs, options, state: 'waiting' }, app.signal);
  const done = await registry.discardParked(await marksOf(app, chosen, 'dlq.discard'), app.signal);
  await report(app, { what: 'discarded', done, of: chosen.length, others: 'were not waiting' });
}

async function restore(app: App, refs: readonly string[], options: FilterOptions): Promise<void> {
  requireTicket(app);
  const { registry, events } = await app.ports();
  const chosen = await chosenParked(registry, { refs, options, state: 'discarded' }, app.signal);
  const there = await lettersThere(events, chosen, app.signal);
  const found = chosen.filter(({ answer }) => there.has(answer.uid));
  const done = await registry.restoreParked(await marksOf(app, found, 'dlq.restore'), app.signal);
  const others = 'were not discarded, or their dead letter is not on the topic any more';
  await report(app, { what: 'restored', done, of: chosen.length, others });
}

function requireTicket({ ticket }: App): void {
  if (ticket !== undefined) return;
  throw new CallsealError('USAGE', 'this needs --ticket: the audit event and the mark carry it');
}

async function marksOf(app: App, chosen: readonly Parked[], action: Action) {
  const { auditor } = await app.desk();
  return chosen.map(({ answer }) => ({
    uid: answer.uid,
    fact: auditor.fact(action, aboutDelivery(answer)),
  }));
}

async function report(
  app: App,
  { what, done, of, others }: { what: string; done: readonly string[]; of: number; others: string },
): Promise<void> {
  await app.voice.document({ [what]: done.length, of, uids: done }, () => [
    `${counted(done.length, 'dead letter')} ${what}`,
  ]);
  if (done.length === of) return;
  app.voice.say(`${of - done.length} of ${of} ${others}`);
  app.exitWith(done.length === 0 ? EXIT.refused : EXIT.partial);
}
