import { int, intOrNone, text, textOrNone } from '../../src/adapters/registry/rows.ts';
import { receiptOfRow } from '../../src/adapters/registry/sealed-rows.ts';
import type { SqlRow } from '../../src/adapters/registry/sql.ts';
import type { Current } from '../../src/domain/answers.ts';
import type { Outcome } from '../../src/domain/outcome-event.ts';
import type { Receipt } from '../../src/domain/receipts.ts';
import { type ModelEvent, Violation, type World } from './world.ts';

/** The whole registry as it stands between two steps. */
interface Picture {
  readonly wentBack: boolean;
  readonly attempts: ReadonlyMap<string, { state: string; swept: boolean }>;
  readonly answers: ReadonlyMap<string, AnswerSeen>;
  readonly calls: ReadonlyMap<string, CallSeen>;
  /** Attempt by receipt key, and the reverse. */
  readonly receipts: ReadonlyMap<string, { attempt: string; digest: string; call: string }>;
  readonly keys: readonly { name: string; call: string; keyClass: string; attempt: string }[];
  readonly tombstones: ReadonlySet<string>;
}

interface AnswerSeen {
  readonly uid: string;
  readonly origin: string;
  readonly topic: string;
  readonly answer: string;
  readonly code: string | undefined;
  readonly call: string;
  readonly revision: number;
  readonly epoch: number;
  readonly sequence: number;
  readonly outcome: string | undefined;
}

interface CallSeen {
  readonly call: string;
  readonly denied: number | undefined;
  readonly current: Receipt | undefined;
}

export interface Invariants {
  /** After every step. @throws Violation */
  check(): Promise<void>;
  /** The registry was put back: what it forgot is forgotten. */
  afterRestore(): Promise<void>;
  /** When nothing is left to do. @returns what there was. @throws Violation */
  atTheEnd(): Promise<readonly string[]>;
}

export async function watch(world: World): Promise<Invariants> {
  let before = await takePicture(world);
  let uses = 0;
  let objects = 0;
  return {
    check: async () => {
      const now = world.touched.size === 0 ? before : await takePicture(world, before);
      if (now === before && world.objects.size === objects && world.keyUses.length === uses) return;
      objects = world.objects.size;
      attemptsMoveForward(before, now);
      answersStand(world, before, now);
      receiptsStand(before, now);
      keysStandBesideReceipts(now);
      currentReceiptsCanBeOpened(world, now);
      namedObjectsAreThere(world);
      if (world.keyUses.length > uses) await lastKeyUseHasIntents(world);
      uses = world.keyUses.length;
      before = now;
    },
    afterRestore: async () => {
      before = await takePicture(world);
    },
    atTheEnd: async () => {
      await allIsAnswered(world, before);
      publishedOnce(world, before);
      readersKnowTheTruth(world, before);
      nothingIsLeftBehind(world, before);
      await intentsAreClosed(world);
      return met(before);
    },
  };
}

const LEGAL = new Set(['open>won', 'open>lost', 'open>abandoned', 'open>unknown']);

function attemptsMoveForward(before: Picture, now: Picture): void {
  for (const [uid, { state, swept }] of now.attempts) {
    const was = before.attempts.get(uid)?.state ?? 'open';
    if (state !== was && !LEGAL.has(`${was}>${state}`)) fail(`attempt ${uid} went from ${was} to ${state}`);
    if (swept && state !== 'lost' && state !== 'abandoned') fail(`attempt ${uid} is ${state} and swept`);
  }
  for (const uid of before.attempts.keys()) if (!now.attempts.has(uid)) fail(`attempt ${uid} is gone`);
}

function answersStand(world: World, before: Picture, now: Picture): void {
  for (const [key, answer] of before.answers) {
    const same = now.answers.get(key);
    if (same?.uid !== answer.uid || same.outcome !== answer.outcome) fail(`the answer of ${key} changed`);
  }
  for (const [key, answer] of now.answers) {
    if (before.answers.has(key)) continue;
    if (before.wentBack && now.wentBack) fail('an answer was given by a registry that went back');
    isAboveAllBefore(before, answer);
    tellsTheTruth(now, answer);
    if (answer.topic === 'in') keepsThePromises(world, before, now, answer);
  }
}

function isAboveAllBefore({ answers }: Picture, { call, epoch, sequence }: AnswerSeen): void {
  for (const other of answers.values()) {
    if (other.call !== call) continue;
    if (other.epoch > epoch || (other.epoch === epoch && other.sequence >= sequence)) {
      fail(`sequence ${epoch}/${sequence} of ${call} is not above ${other.epoch}/${other.sequence}`);
    }
  }
}

function tellsTheTruth(now: Picture, { outcome, call, answer }: AnswerSeen): void {
  if (answer === 'duplicate') return;
  const said = (JSON.parse(outcome ?? '{}') as Outcome).current;
  const truth = truthAbout(now, call);
  if (JSON.stringify(said) !== JSON.stringify(truth)) fail(`an outcome of ${call} does not tell the truth`);
}

function truthAbout({ calls, tombstones }: Picture, call: string): Current {
  if (isShredded(tombstones, call)) return 'shredded';
  const current = calls.get(call)?.current;
  // The order of the outcome's canonical JSON.
  return current ? { generation: current.generation, revision: current.revision } : 'none';
}

function isShredded(tombstones: ReadonlySet<string>, call: string, keyClass = '*'): boolean {
  const tenant = call.slice(0, call.indexOf('/'));
  const classes = new Set(['*', keyClass]);
  return [...classes].some((one) => tombstones.has(`${call}/${one}`) || tombstones.has(`${tenant}/*/${one}`));
}

/** What each answer promises about the call as it was when the answer was given. */
function keepsThePromises(world: World, before: Picture, now: Picture, answer: AnswerSeen): void {
  const { call, revision, code } = answer;
  const event = eventOf(world, answer);
  const was = before.calls.get(call);
  const shredded = isShredded(now.tombstones, call);
  const lower =
    revision < (was?.current?.revision ?? 0) || (was?.denied !== undefined && revision < was.denied);
  const receipt = before.receipts.get(`${call}/${revision}/1`);
  const promised = shredded
    ? 'refused'
    : lower
      ? 'superseded'
      : receipt
        ? receipt.digest === event.digest
          ? 'duplicate'
          : 'parked'
        : event.recording === 'denied'
          ? 'refused'
          : undefined;
  const isSealed = answer.answer.startsWith('sealed');
  if (promised !== undefined && promised !== answer.answer) {
    fail(`${call} revision ${revision}: ${answer.answer} ${code ?? ''}, where ${promised} was promised`);
  }
  if (promised === undefined && !isSealed && answer.answer !== 'parked') {
    fail(`${call} revision ${revision}: ${answer.answer} ${code ?? ''} without a reason`);
  }
  if (isSealed) carriesOverOnlyWhatStands(was?.current, now.calls.get(call)?.current);
}

function carriesOverOnlyWhatStands(was: Receipt | undefined, now: Receipt | undefined): void {
  for (const artifact of now?.artifacts ?? []) {
    if (artifact.carriedFrom === undefined) continue;
    const there = was?.artifacts.find(({ id }) => id === artifact.id);
    if (there?.object !== artifact.object || there.keyName !== artifact.keyName) {
      fail(`${artifact.id} was carried over from a receipt that is no longer current`);
    }
  }
}

function receiptsStand(before: Picture, now: Picture): void {
  for (const [key, { attempt }] of before.receipts) {
    if (now.receipts.get(key)?.attempt !== attempt) fail(`receipt ${key} changed`);
  }
  const winners = [...now.receipts.values()].map(({ attempt }) => attempt);
  for (const attempt of winners) {
    if (now.attempts.get(attempt)?.state !== 'won') fail(`the attempt ${attempt} of a receipt did not win`);
  }
  const won = [...now.attempts].filter(([, { state }]) => state === 'won').length;
  if (won !== winners.length) fail(`${won} attempts won, and there are ${winners.length} receipts`);
  for (const [key, { call }] of now.receipts) {
    if (!before.receipts.has(key) && isShredded(before.tombstones, call)) fail(`${key} came after its shred`);
  }
}

function keysStandBesideReceipts({ keys, receipts, tombstones }: Picture): void {
  const winners = new Set([...receipts.values()].map(({ attempt }) => attempt));
  for (const { name, call, keyClass, attempt } of keys) {
    if (!winners.has(attempt)) fail(`the wrapped key ${name} has no receipt`);
    if (isShredded(tombstones, call, keyClass)) fail(`the wrapped key ${name} of ${call} outlived its shred`);
  }
}

function currentReceiptsCanBeOpened(world: World, { calls, keys }: Picture): void {
  const names = new Set(keys.map(({ name }) => name));
  for (const { call, current } of calls.values()) {
    for (const { object, keyName, keyClass } of current?.artifacts ?? []) {
      world.named.set(object, { call, keyClass });
      if (!names.has(keyName) && !isMeantToBeGone(world, call, keyClass)) {
        fail(`the key of ${object}, named by the current receipt of ${call}, is gone`);
      }
    }
  }
}

/** Of every life of the registry: a published outcome may name it, whatever the registry still knows. */
function namedObjectsAreThere(world: World): void {
  for (const [object, { call, keyClass }] of world.named) {
    if (!world.objects.has(object) && !isMeantToBeGone(world, call, keyClass)) {
      fail(`${object}, named by a receipt of ${call}, is gone`);
    }
  }
}

function isMeantToBeGone({ tombstones }: World, call: string, keyClass: string): boolean {
  return tombstones.some((one) => covers(one, call, keyClass));
}

function covers(tombstone: World['tombstones'][number], call: string, keyClass: string): boolean {
  const { tenant, call: one = call.slice(tenant.length + 1) } = tombstone;
  return call === `${tenant}/${one}` && (tombstone.keyClass ?? keyClass) === keyClass;
}

async function lastKeyUseHasIntents(world: World): Promise<void> {
  const last = world.keyUses.at(-1);
  const rows = await world.truth.query(
    `select event_uid from audit_events where action = 'key.generate' and subject_uid = $1`,
    [last?.attempt ?? ''],
  );
  const durable = new Set(rows.map((row) => text(row, 'event_uid')));
  for (const intent of last?.intents ?? [])
    if (!durable.has(intent)) fail('a key was used before its intent');
}

async function allIsAnswered(world: World, { answers }: Picture): Promise<void> {
  for (const { origin, replay, done } of world.inbox) {
    if (!done) fail(`${origin.offset}/${replay} was never settled`);
    if (!answers.has(`in/${origin.offset}/${replay}`)) fail(`${origin.offset}/${replay} was never answered`);
  }
}

/** Once for the arrival that decided, in the life of the registry that is the last. */
function publishedOnce(world: World, { answers }: Picture): void {
  const times = new Map<string, number>();
  for (const { row } of world.published) times.set(row.uid, (times.get(row.uid) ?? 0) + 1);
  for (const [uid, count] of times) if (count > 1) fail(`answer ${uid} was published ${count} times`);
  for (const { uid, answer } of answers.values()) {
    const published = times.has(uid);
    if (answer === 'duplicate' && published) fail(`duplicate ${uid} was published`);
    if (answer !== 'duplicate' && !published) fail(`answer ${uid} was never published`);
  }
}

function readersKnowTheTruth(world: World, now: Picture): void {
  const newest = new Map<string, Outcome>();
  for (const { row } of world.published) {
    if (row.outcome === undefined) continue;
    const outcome = JSON.parse(row.outcome) as Outcome;
    const call = `${outcome.tenant}/${outcome.call}`;
    const known = newest.get(call);
    const isNewer =
      !known ||
      outcome.registryEpoch > known.registryEpoch ||
      (outcome.registryEpoch === known.registryEpoch && outcome.sequence > known.sequence);
    if (isNewer) newest.set(call, outcome);
  }
  for (const [call, { current }] of newest) {
    if (JSON.stringify(current) !== JSON.stringify(truthAbout(now, call)))
      fail(`readers are wrong about ${call}`);
  }
}

function nothingIsLeftBehind(world: World, { attempts }: Picture): void {
  for (const name of world.objects.keys()) {
    const state = attempts.get(name.split('/')[2] ?? '')?.state;
    if (state === 'lost' || state === 'abandoned') fail(`${name} of a ${state} attempt is still there`);
  }
}

async function intentsAreClosed(world: World): Promise<void> {
  const open = await world.truth.query('select uid from open_intents');
  if (open.length > 0) fail(`${open.length} intents were never closed`);
}

/** Answers with their codes, ends of attempts, and what the receipts are made of. */
function met({ answers, attempts, calls }: Picture): string[] {
  const artifacts = [...calls.values()].flatMap(({ current }) => current?.artifacts ?? []);
  return [
    ...[...answers.values()].map(({ answer, code }) => (code === undefined ? answer : `${answer} ${code}`)),
    ...[...attempts.values()].map(({ state, swept }) => (swept ? `${state}, swept` : state)),
    ...artifacts.map(({ carriedFrom }) => (carriedFrom === undefined ? 'sealed anew' : 'carried over')),
  ];
}

function eventOf(world: World, { origin }: AnswerSeen): ModelEvent {
  const record = world.inbox.find((one) => `in/${one.origin.offset}` === origin);
  if (!record) throw new Error(`no record ${origin}`);
  return record.event;
}

/** Reads the tables that were written to; the others are as they were. */
async function takePicture({ truth, touched }: World, before?: Picture): Promise<Picture> {
  const read = async <K extends keyof Picture>(part: K, tables: string[], make: () => Promise<Picture[K]>) =>
    before && !tables.some((table) => touched.has(table)) ? before[part] : await make();
  const picture = {
    wentBack: await read('wentBack', ['meta'], async () => {
      const [meta] = await truth.query('select went_back from meta');
      return meta !== undefined && int(meta, 'went_back') !== 0;
    }),
    attempts: await read('attempts', ['attempts'], async () => {
      const rows = await truth.query('select uid, state, swept_at from attempts');
      return new Map(
        rows.map((row) => [
          text(row, 'uid'),
          { state: text(row, 'state'), swept: intOrNone(row, 'swept_at') !== undefined },
        ]),
      );
    }),
    answers: await read('answers', ['answers'], async () => {
      const rows = await truth.query('select * from answers');
      return new Map(rows.map((row) => [answerKey(row), answerSeen(row)]));
    }),
    calls: await read('calls', ['receipts', 'calls'], async () => {
      const rows = await truth.query(
        `select c.tenant || '/' || c.call as call, c.denied_revision, r.receipt from calls c
         left join receipts r on r.tenant = c.tenant and r.call = c.call
           and r.revision = c.current_revision and r.generation = c.current_generation`,
      );
      return new Map(rows.map((row) => [text(row, 'call'), callSeen(row)]));
    }),
    receipts: await read('receipts', ['receipts'], async () => {
      const rows = await truth.query(
        `select tenant || '/' || call as call, revision, generation, attempt, event_digest from receipts`,
      );
      return new Map(
        rows.map((row) => [
          `${text(row, 'call')}/${int(row, 'revision')}/${int(row, 'generation')}`,
          { attempt: text(row, 'attempt'), digest: text(row, 'event_digest'), call: text(row, 'call') },
        ]),
      );
    }),
    keys: await read('keys', ['call_keys'], async () => {
      const rows = await truth.query(
        `select name, tenant || '/' || call as call, key_class, attempt from call_keys`,
      );
      return rows.map((row) => ({
        name: text(row, 'name'),
        call: text(row, 'call'),
        keyClass: text(row, 'key_class'),
        attempt: text(row, 'attempt'),
      }));
    }),
    tombstones: await read('tombstones', ['tombstones'], async () => {
      const rows = await truth.query(
        `select tenant || '/' || call || '/' || key_class as scope from tombstones`,
      );
      return new Set(rows.map((row) => text(row, 'scope')));
    }),
  };
  touched.clear();
  return picture;
}

function callSeen(row: SqlRow): CallSeen {
  return {
    call: text(row, 'call'),
    denied: intOrNone(row, 'denied_revision'),
    current: textOrNone(row, 'receipt') === undefined ? undefined : receiptOfRow(row),
  };
}

function answerKey(row: SqlRow): string {
  return `${text(row, 'origin_topic')}/${int(row, 'origin_offset')}/${int(row, 'replay')}`;
}

function answerSeen(row: SqlRow): AnswerSeen {
  return {
    uid: text(row, 'uid'),
    topic: text(row, 'origin_topic'),
    origin: `${text(row, 'origin_topic')}/${int(row, 'origin_offset')}`,
    answer: text(row, 'answer'),
    code: textOrNone(row, 'code'),
    call: `${textOrNone(row, 'tenant') ?? ''}/${textOrNone(row, 'call') ?? ''}`,
    revision: intOrNone(row, 'revision') ?? 0,
    epoch: int(row, 'answer_epoch'),
    sequence: intOrNone(row, 'sequence') ?? 0,
    outcome: textOrNone(row, 'outcome'),
  };
}

function fail(message: string): never {
  throw new Violation(message);
}
