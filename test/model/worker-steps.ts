import type { AnswerRow } from '../../src/domain/answers.ts';
import { type KeyClass, ruleOf } from '../../src/domain/artifacts.ts';
import type { AuditFact } from '../../src/domain/audit-event.ts';
import { judge, type Wish } from '../../src/domain/decide.ts';
import { samePlace } from '../../src/domain/deliveries.ts';
import { codeOf } from '../../src/domain/errors.ts';
import { attemptPrefix, objectName } from '../../src/domain/object-names.ts';
import { type Output, outputsOf } from '../../src/domain/outputs.ts';
import type { Receipt, SealedArtifact, WrappedKey } from '../../src/domain/receipts.ts';
import type { CallView, Decided, IntentEnd, Proposal } from '../../src/ports/registry.ts';
import {
  type CommitFate,
  type ModelEvent,
  type ModelRecord,
  NEVER,
  Violation,
  type Worker,
  type World,
} from './world.ts';

/** An intent is used within this time of its commit, by the process's own clock. */
const INTENT_USABLE_MS = 60_000;
/** A delivery that is not answered after so many tries never will be. */
const MAX_TRIES = 40;

type Steps<T> = AsyncGenerator<void, T>;
type Ending = AnswerRow | 'hand-over' | 'leave';

/**
 * One delivery, as `src/work` handles it: every `yield` is a place where the process may crash, be overtaken, or
 * be declared dead and go on all the same.
 */
export async function* deliver(world: World, record: ModelRecord, worker: Worker): Steps<void> {
  const ending = yield* answered(world, record, worker);
  yield;
  const outputs = typeof ending === 'string' ? [] : await outputsFor(world, record, ending);
  yield;
  if (record.owner !== worker) return;
  record.owner = undefined;
  if (ending === 'leave') return;
  record.done = true;
  if (ending === 'hand-over') world.inbox.push({ ...record, done: false });
  else if (outputs) world.published.push({ row: ending, outputs });
}

async function* answered(world: World, record: ModelRecord, worker: Worker): Steps<Ending> {
  for (let tries = 0; tries < MAX_TRIES; tries++) {
    try {
      const known = await worker.registry.answerOf(keyOf(record), NEVER);
      if (known) return known;
      yield;
      const decided = yield* tryOnce(world, record, worker);
      if (decided === 'hand-over') return decided;
      if (decided.kind === 'answered') return decided.row;
    } catch (error) {
      const code = codeOf(error);
      if (code === 'REGISTRY_WENT_BACK' || code === 'COMMIT_UNKNOWN') return 'leave';
      if (code !== 'REGISTRY_DOWN') throw error;
    }
    yield;
  }
  throw new Violation('a delivery never gets its answer');
}

async function* tryOnce(world: World, record: ModelRecord, worker: Worker): Steps<Decided | 'hand-over'> {
  const { event } = record;
  const view = await worker.registry.viewCall(event.tenant, event.call, event.revision, NEVER);
  yield;
  const wish: Wish =
    event.recording === 'denied' ? { kind: 'refuse', code: 'CONSENT_DENIED' } : { kind: 'none' };
  const state = { ...view.state, attempt: 'open', carriedStillThere: true } as const;
  const { answer } = judge(state, { revision: event.revision, eventDigest: event.digest, wish }, world.rules);
  if (answer !== 'start-again' || event.recording === 'denied') {
    return yield* decide(world, worker, proposal(world, record, wish));
  }
  const attempt = new Attempt(world, worker, record, view);
  try {
    const failed = yield* attempt.seal();
    if (failed === 'hand-over') return failed;
    if (failed) return yield* decide(world, worker, proposal(world, record, failed));
    return yield* attempt.decide();
  } finally {
    worker.attempts.delete(attempt.uid);
  }
}

/** One try to seal: its row and intents, its keys, its objects, its proposal. */
class Attempt {
  readonly uid: string;
  private readonly world: World;
  private readonly worker: Worker;
  private readonly record: ModelRecord;
  private readonly view: CallView;
  private readonly carried: readonly SealedArtifact[];
  private readonly fresh: ModelEvent['artifacts'];
  private readonly keys: readonly { keyClass: KeyClass; name: string; intent: AuditFact }[];
  private readonly sealed: SealedArtifact[] = [];

  constructor(world: World, worker: Worker, record: ModelRecord, view: CallView) {
    this.world = world;
    this.worker = worker;
    this.record = record;
    this.view = view;
    this.uid = world.uid('aaaaaaaa');
    const { event } = record;
    this.carried = event.artifacts.flatMap((artifact) => carriedOver(view.receipt, artifact));
    this.fresh = event.artifacts.filter(({ id }) => !this.carried.some((one) => one.id === id));
    const classes = [...new Set(this.fresh.map(({ kind }) => ruleOf(kind).keyClass))];
    this.keys = classes.map((keyClass) => ({
      keyClass,
      name: world.uid('cccccccc'),
      intent: world.fact('key.generate', {
        outcome: { status: 'intent' },
        subject: { kind: 'attempt', uid: this.uid },
      }),
    }));
  }

  /** @returns what there is to decide instead of a seal, or undefined where all is in the store */
  async *seal(): Steps<Wish | 'hand-over' | undefined> {
    const { world } = this;
    if (world.habits.usesKeyBeforeIntent) this.useKeys();
    const openedAt = world.clock.now;
    try {
      await this.open();
    } catch (error) {
      if (codeOf(error) !== 'CALL_SHREDDED') throw error;
      return park('CALL_SHREDDED', world);
    }
    this.worker.attempts.add(this.uid);
    yield;
    if (world.clock.now - openedAt > INTENT_USABLE_MS) return yield* this.lose('hand-over', 'not-made');
    this.useKeys();
    if (world.random.chance(0.05)) return yield* this.lose('hand-over', 'unknown');
    for (const artifact of this.fresh) {
      yield;
      const { fate } = this.record.event;
      if (fate === 'fails') return yield* this.lose(park('SOURCE_LENGTH_DIFFERS', world), 'ok');
      if (fate === 'flickers' && world.random.chance(0.3)) return yield* this.lose('hand-over', 'ok');
      this.put(artifact);
    }
    yield;
    return undefined;
  }

  async *decide(): Steps<Decided> {
    const { world, record } = this;
    const receipt = this.receipt();
    const decided = yield* decide(
      world,
      this.worker,
      {
        ...proposal(world, record, { kind: 'seal', warnings: false }),
        attempt: this.uid,
        sealed: { receipt, keys: this.keys.map((key) => this.wrapped(key)) },
        announce: ['transcript'],
        intentEnds: this.ends('ok'),
      },
      async () => {
        if (world.habits.deletesUnread) this.removeObjects();
      },
    );
    yield;
    // Its own row says that it lost: the one proof after which its objects may go at once.
    const lost = (await this.worker.registry.attemptState(this.uid, NEVER)) === 'lost';
    if (lost && world.random.chance(0.5)) this.removeObjects();
    return decided;
  }

  private async open(): Promise<void> {
    const { world, record, uid } = this;
    world.fate = world.random.weighted({ ok: 96, refused: 2, 'lost-done': 1, 'lost-undone': 1 });
    const { tenant, call, revision } = record.event;
    await this.worker.registry.openAttempt(
      {
        ...keyOf(record),
        uid,
        tenant,
        call,
        callUid: this.view.callUid,
        revision,
        intents: this.keys.map(({ intent }) => ({ fact: intent })),
      },
      NEVER,
    );
  }

  private useKeys(): void {
    if (this.keys.length === 0) return;
    this.world.keyUses.push({ attempt: this.uid, intents: this.keys.map(({ intent }) => intent.eventUid) });
  }

  private put({ id, kind }: ModelEvent['artifacts'][number]): void {
    const { world, uid, view, record } = this;
    const key = this.keys.find(({ keyClass }) => keyClass === ruleOf(kind).keyClass);
    if (!key) throw new Error('an artifact without a key');
    const object = objectName(record.event.tenant, view.callUid, uid, id);
    world.objects.set(object, `${id} of ${record.event.digest}`);
    const version = record.event.artifacts.find((artifact) => artifact.id === id)?.version ?? 0;
    this.sealed.push({
      id,
      kind,
      keyClass: key.keyClass,
      object,
      keyName: key.name,
      plainBytes: 1,
      sealedBytes: 2,
      headerBytes: 1,
      frameLength: 1,
      sealDigest: '',
      source: { alias: 'edge', key: id, version: String(version) },
      warnings: [],
    });
  }

  private async *lose<T>(instead: T, status: 'ok' | 'unknown' | 'not-made'): Steps<T> {
    yield;
    await this.worker.registry.loseAttempt(this.uid, this.ends(status), NEVER);
    return instead;
  }

  private ends(status: 'ok' | 'unknown' | 'not-made'): IntentEnd[] {
    return this.keys.map(({ intent }) => ({
      intentUid: intent.eventUid,
      fact: this.world.fact('key.generate', { outcome: { status }, intentUid: intent.eventUid }),
    }));
  }

  private receipt(): Receipt {
    const { tenant, call, revision, digest } = this.record.event;
    return {
      tenant,
      call,
      callUid: this.view.callUid,
      revision,
      generation: 1,
      attempt: this.uid,
      eventDigest: digest,
      sealedAt: '',
      facts: { consent: { recording: 'granted' } },
      artifacts: [...this.sealed, ...this.carried],
      warnings: [],
    };
  }

  private wrapped({ name, keyClass }: { name: string; keyClass: KeyClass }): WrappedKey {
    const attempt = this.uid;
    return {
      name,
      keyClass,
      attempt,
      wrapped: WRAPPED,
      kek: '',
      materialId: 'm',
      context: {},
      createdAt: '',
    };
  }

  private removeObjects(): void {
    const { world, record, view, uid } = this;
    const prefix = attemptPrefix(record.event.tenant, view.callUid, uid);
    for (const name of world.objects.keys()) if (name.startsWith(prefix)) world.objects.delete(name);
  }
}

const WRAPPED = new Uint8Array([1]);

function carriedOver(
  current: Receipt | undefined,
  { id, kind, version }: ModelEvent['artifacts'][number],
): SealedArtifact[] {
  const before = current?.artifacts.find((one) => one.id === id && one.kind === kind);
  if (!current || before?.source?.version !== String(version)) return [];
  return [{ ...before, carriedFrom: before.carriedFrom ?? current.revision }];
}

/** Decides, and asks again while the registry is away or a reply to COMMIT was lost, as a finished seal does. */
async function* decide(
  world: World,
  worker: Worker,
  wanted: Proposal,
  onUnknown?: () => Promise<void>,
): Steps<Decided> {
  for (let tries = 0; tries < MAX_TRIES; tries++) {
    world.fate = world.random.weighted<CommitFate>(DECISION_FATES);
    try {
      return await worker.registry.decide(wanted, NEVER);
    } catch (error) {
      const code = codeOf(error);
      if (code === 'COMMIT_UNKNOWN') await onUnknown?.();
      else if (code !== 'REGISTRY_DOWN') throw error;
    }
    yield;
  }
  throw new Violation('a decision never succeeds');
}

const DECISION_FATES = { ok: 80, refused: 5, 'lost-undone': 5, 'lost-done': 5, 'lost-late': 5 };

function proposal(world: World, record: ModelRecord, wish: Wish): Proposal {
  const { tenant, call, revision, digest } = record.event;
  return {
    delivery: { ...keyOf(record), arrival: record.arrival },
    call: { tenant, call, revision, eventDigest: digest },
    wish,
    intentEnds: [],
    auditOf: (row) =>
      world.fact('call.seal', { subject: { kind: 'call', uid: row.callUid ?? '' }, ticket: row.uid }),
    answerUid: world.uid(),
    decidedAt: new Date(world.clock.now).toISOString(),
  };
}

function park(code: 'CALL_SHREDDED' | 'SOURCE_LENGTH_DIFFERS', world: World): Wish {
  const firstFailedAt = new Date(world.clock.now).toISOString();
  const reason = {
    code,
    stage: 'seal',
    disposition: 'park',
    fingerprint: '',
    counted: 1,
    firstFailedAt,
  } as const;
  return { kind: 'park', reason };
}

function keyOf({ origin, replay, event }: ModelRecord) {
  return { origin, replay, deliveredDigest: event.digest };
}

/** What a settle will publish beside the done-mark; undefined for whoever did not decide, and for a duplicate. */
async function outputsFor(
  world: World,
  record: ModelRecord,
  row: AnswerRow,
): Promise<readonly Output[] | undefined> {
  const mine = samePlace(row.arrival, record.arrival) || world.habits.publishesForAnyArrival;
  if (!mine || row.answer === 'duplicate') return undefined;
  return await outputsOf(row, async ({ object }) => {
    const bytes = world.objects.get(object);
    return bytes === undefined ? undefined : Buffer.from(bytes);
  });
}
