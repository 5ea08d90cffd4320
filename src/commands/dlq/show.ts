import type { Command } from 'commander';
import { placeText } from '../../domain/deliveries.ts';
import { CallsealError } from '../../domain/errors.ts';
import type { Parked } from '../../ports/parked.ts';
import { letterGone, type TakenLetter, takeLetters } from '../../work/dead-letters-opened.ts';
import { ageText } from '../age.ts';
import type { App } from '../app.ts';
import { example } from '../frame.ts';
import { reason } from '../words.ts';
import { findParked } from './chosen.ts';
import { EXPLANATIONS, nextSteps } from './explain.ts';
import { callOf } from './ls.ts';

interface ShowOptions {
  readonly open?: boolean;
  readonly reason?: string;
}

/** `callseal dlq show`: what happened to one delivery and what to type next; its content only for a reason. */
export function registerDlqShow(dlq: Command, app: App): void {
  example(
    dlq
      .command('show')
      .description('say what happened to one delivery and what to type next')
      .argument('<uid>', 'uid of the answer, as dlq ls lists it, or its origin: topic/partition/offset')
      .option('--open', 'open the dead letter too: key, headers and bytes of the record; audited')
      .option('--reason <text>', 'why it is opened; sealed beside the audit event', reason)
      .action((ref: string, options: ShowOptions) => showParked(app, ref, options)),
    'callseal dlq show 5b0c1f9e-3c55-4f43-9d7e-1f2a4c8b6d10',
    "callseal dlq show callseal.calls.completed/0/7 --open --reason 'which edge sends this'",
  );
}

async function showParked(app: App, ref: string, { open = false, reason: why }: ShowOptions): Promise<void> {
  requireReason(open, why);
  const { registry } = await app.ports();
  const parked = await findParked(registry, ref, app.signal);
  const taken = why === undefined ? undefined : await openOne(app, parked, why);
  const { code = 'BUG' } = parked.answer;
  const next = nextOf(parked);
  const { answer, ...became } = parked;
  const { what, why: likely } = EXPLANATIONS[code] ?? {};
  const opened = taken?.opened && {
    key: taken.opened.key,
    headers: taken.opened.headers,
    value: taken.opened.value.toString('base64'),
  };
  await app.voice.document(
    { ...answer, ...became, what, why: likely, next, ...(opened && { opened }) },
    () => [
      ...factLines(parked),
      ...(what === undefined ? [] : [`what         ${what}`]),
      ...(likely === undefined ? [] : [`why          ${likely}`]),
      ...next.map((command, i) => `${i === 0 ? 'next' : '    '}         ${command}`),
      ...(taken === undefined ? [] : contentLines(taken)),
    ],
  );
}

/** What was dealt with needs something else than what waits. */
function nextOf({ answer, state }: Parked): readonly string[] {
  const { uid, code = 'BUG', park, origin } = answer;
  switch (state) {
    case 'discarded':
      return [`callseal dlq restore ${uid} --ticket TICKET`];
    case 'replayed':
      return [`callseal dlq ls --origin ${placeText(origin)} --state any`];
    case 'waiting':
      return nextSteps(code, { uid, fingerprint: park?.fingerprint ?? '' });
  }
}

/** Content and the reason to look at it go together, here and in `dlq export`. */
export function requireReason(open: boolean, why: string | undefined): void {
  if (open === (why !== undefined)) return;
  throw new CallsealError('USAGE', '--open and --reason go together: who opens a letter says why');
}

async function openOne(app: App, parked: Parked, why: string): Promise<TakenLetter> {
  const parts = { ...(await app.ports()), ...(await app.desk()) };
  const [taken] = await Array.fromAsync(takeLetters(parts, [parked], { reason: why }, app.signal));
  if (taken === undefined) throw letterGone(parked.answer.uid);
  return taken;
}

function* factLines({ answer, replays, state, discard, firstSeenAt }: Parked): Generator<string> {
  const { park } = answer;
  yield `uid          ${answer.uid}`;
  yield `call         ${callOf(answer)}, revision ${answer.revision ?? '-'}`;
  yield `code         ${answer.code}, at ${park?.stage}`;
  yield `fingerprint  ${park?.fingerprint}, first seen at ${firstSeenAt}`;
  if (park !== undefined) {
    yield `failures     ${park.counted} counted${park.counted === 0 ? '' : `, the first at ${park.firstFailedAt}`}`;
    yield `worker       ${park.workerVersion ?? '-'}`;
  }
  yield `parked at    ${answer.decidedAt}, ${ageText(Math.max(0, Date.now() - Date.parse(answer.decidedAt)))} ago`;
  yield `origin       ${placeText(answer.origin)}, replay ${answer.replay} of ${replays}`;
  yield `state        ${state}`;
  if (discard !== undefined) yield `discarded    ${discard.at}, by ${discard.by}: ${discard.ticket}`;
}

function* contentLines({ opened }: TakenLetter): Generator<string> {
  if (opened === undefined) return;
  yield `key          ${opened.key ?? '-'}`;
  for (const [name, value] of Object.entries(opened.headers)) yield `header       ${name}: ${value}`;
  for (const [i, line] of opened.value.toString('utf8').split('\n').entries()) {
    yield `${i === 0 ? 'value' : '     '}        ${line}`;
  }
}
