import { readFile } from 'node:fs/promises';
import type { Command } from 'commander';
import { deliveredDigest, placeText } from '../../domain/deliveries.ts';
import { CallsealError, type Code } from '../../domain/errors.ts';
import type { Letter } from '../../domain/letter.ts';
import { parsePatch, patchSteps } from '../../domain/patch-event.ts';
import type { PlannedReplay } from '../../domain/replay.ts';
import { type MadePlan, type PlanRequest, planReplay } from '../../work/replay/plan-replay.ts';
import type { App } from '../app.ts';
import { example } from '../frame.ts';
import { counted, id, limit, reason, revision } from '../words.ts';
import { code, fingerprint, moment, stage } from './words.ts';

interface PlanOptions {
  readonly tenant?: string;
  readonly call?: string;
  readonly revision?: number;
  readonly code?: Code;
  readonly stage?: string;
  readonly fingerprint?: string;
  readonly since?: string;
  readonly until?: string;
  readonly limit: number;
  readonly patch?: string;
  readonly anyway?: boolean;
  readonly quarantined?: boolean;
  readonly open?: boolean;
  readonly reason?: string;
}

const MOST = 100_000;
/** Records that are shown of a plan, and letters that are shown of a patch. */
const SAMPLE = { records: 5, letters: 3 };

/** `callseal replay plan`: what a replay would do, bound by a hash. */
export function registerPlan(replay: Command, app: App): void {
  example(
    replay
      .command('plan')
      .description('look at what is parked and what a replay of it would meet; changes nothing')
      .option('--tenant <id>', 'only of this tenant', id)
      .option('--call <id>', 'only of this call', id)
      .option('--revision <n>', 'only this revision', revision)
      .option('--code <code>', 'only parked with this code', code)
      .option('--stage <stage>', 'only parked at this stage', stage)
      .option('--fingerprint <hex>', 'only with this fingerprint, or one that begins so', fingerprint)
      .option('--since <time>', 'parked at this time or later; an age such as 24h will do', moment('--since'))
      .option('--until <time>', 'parked before this time', moment('--until'))
      .option('--limit <n>', 'refuse a plan of more records than this', limit, MOST)
      .option('--patch <file>', 'correct each event with this JSON Patch (RFC 6902) of its data')
      .option('--anyway', 'take along what has its source, key or dependency missing now')
      .option('--quarantined', 'take along what was replayed too often')
      .option('--open', 'show the events of a sample, before and after the patch; needs --reason; audited')
      .option('--reason <text>', 'why they are looked at; kept sealed', reason)
      .action((options: PlanOptions) => plan(app, options)),
    'callseal replay plan --tenant demo --code SOURCE_MISSING --since 24h',
  );
}

async function plan(app: App, options: PlanOptions): Promise<void> {
  requireReason(options);
  const ports = await app.ports();
  const { auditor, tenants, letters } = await app.desk();
  const { settings } = await app.settings();
  const sample: Sample[] = [];
  const request = await requestOf(app, options, sample);
  const parts = { ...ports, auditor, tenants, limits: settings.limits, now: () => new Date() };
  const made = await planReplay(parts, request, app.signal);
  const shown = sample.slice(0, SAMPLE.letters);
  if (options.open === true && options.reason !== undefined) {
    for (const { record } of shown) {
      const fact = auditor.fact('dlq.open', factsOf(record));
      const note = await letters.sealNote(fact.eventUid, Buffer.from(options.reason), app.signal);
      await ports.registry.addReason({ eventUid: fact.eventUid, ...note }, app.signal);
      await ports.registry.append([fact], app.signal);
    }
  }
  await app.voice.document(documentOf(made, shown, options.open === true), () =>
    linesOf(made, shown, options.open === true),
  );
  if (takenOf(made).length === 0) return app.voice.say('nothing of it can be replayed now');
  app.voice.hint(`callseal replay apply --plan ${made.hash} --ticket TICKET --canary 20`);
}

interface Sample {
  readonly record: PlannedReplay;
  readonly before: Letter;
  readonly after: Letter;
}

function requireReason({ open, reason: why, patch }: PlanOptions): void {
  if ((open === true) !== (why !== undefined)) {
    throw new CallsealError('USAGE', '--open and --reason go together: who opens a letter says why');
  }
  if (open === true && patch === undefined) {
    throw new CallsealError('USAGE', '--open shows what a patch does: it needs --patch');
  }
}

async function requestOf(app: App, options: PlanOptions, sample: Sample[]): Promise<PlanRequest> {
  const { limit: most, patch, anyway = false, quarantined = false, open: _, reason: __, ...filter } = options;
  return {
    filter,
    most,
    patch: patch === undefined ? undefined : parsePatch(await textOf(patch)),
    anyway,
    quarantined,
    onProgress: (looked, of) => app.voice.progress(`${looked} of ${of} letters looked at`),
    onSample: (record, before, after) => {
      if (patch !== undefined && sample.length < SAMPLE.letters) sample.push({ record, before, after });
    },
  };
}

async function textOf(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch {
    throw new CallsealError('USAGE', `${path} cannot be read`);
  }
}

function factsOf({ origin, tenant, callUid }: PlannedReplay) {
  const { topic, partition, offset } = origin;
  return {
    ...(tenant !== undefined && { tenant }),
    ...(callUid !== undefined && { subject: { kind: 'call', uid: callUid } as const }),
    delivery: { topic, partition, offset },
  };
}

function takenOf({ records }: MadePlan): readonly PlannedReplay[] {
  return records.filter(({ finding }) => finding === undefined);
}

function findingsOf({ records }: MadePlan): [finding: string, count: number][] {
  const groups = Map.groupBy(records, ({ finding }) => finding ?? 'ready');
  return [...groups]
    .map(([finding, found]): [string, number] => [finding, found.length])
    .toSorted(([a, x], [b, y]) => Number(b === 'ready') - Number(a === 'ready') || y - x || (a < b ? -1 : 1));
}

function documentOf(made: MadePlan, sample: readonly Sample[], isOpen: boolean) {
  const { uid, hash, plannedAt, filter, patch, records } = made;
  const taken = takenOf(made);
  return {
    campaign: uid,
    plan: hash,
    plannedAt,
    filter,
    records: records.length,
    taken: taken.length,
    bytes: taken.reduce((sum, { bytes }) => sum + bytes, 0),
    findings: Object.fromEntries(findingsOf(made)),
    tenants: Object.fromEntries(
      [...Map.groupBy(taken, ({ tenant }) => tenant ?? '-')].map(([tenant, found]) => [tenant, found.length]),
    ),
    sample: taken.slice(0, SAMPLE.records).map((record) => ({
      answer: record.answerUid,
      call: callText(record),
      revision: record.revision,
      origin: placeText(record.origin),
      replay: record.replay,
    })),
    ...(patch !== undefined && {
      patch: patchSteps(patch),
      patched: sample.map(({ record, before, after }) => ({
        answer: record.answerUid,
        before: shownText(before, isOpen),
        after: shownText(after, isOpen),
      })),
    }),
  };
}

function* linesOf(made: MadePlan, sample: readonly Sample[], isOpen: boolean): Generator<string> {
  const taken = takenOf(made);
  yield `campaign  ${made.uid}`;
  yield `plan      ${made.hash}`;
  yield `records   ${taken.length} of ${made.records.length} would be replayed`;
  for (const [finding, count] of findingsOf(made)) yield `          ${count} ${finding}`;
  const tenants = Map.groupBy(taken, ({ tenant }) => tenant ?? '-');
  for (const [tenant, found] of tenants) yield `tenant    ${tenant}: ${counted(found.length, 'record')}`;
  for (const record of taken.slice(0, SAMPLE.records)) {
    yield `sample    ${callText(record)} revision ${record.revision ?? '-'}, replay ${record.replay} of ${placeText(record.origin)}`;
  }
  for (const { op, path } of made.patch === undefined ? [] : patchSteps(made.patch)) {
    yield `patch     ${op} ${path}`;
  }
  for (const { record, before, after } of sample) {
    yield `before    ${callText(record)} ${shownText(before, isOpen)}`;
    yield `after     ${callText(record)} ${shownText(after, isOpen)}`;
  }
}

/** Content is shown to whoever gave a reason; to others its length and digest. */
function shownText({ value }: Letter, isOpen: boolean): string {
  return isOpen ? value.toString('utf8') : `${value.length} bytes, SHA-256 ${deliveredDigest(value)}`;
}

function callText({ tenant, call }: PlannedReplay): string {
  return tenant === undefined || call === undefined ? '-' : `${tenant}/${call}`;
}
