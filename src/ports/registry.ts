import type { AnswerRow } from '../domain/answers.ts';
import type { KeyClass } from '../domain/artifacts.ts';
import type { AuditEvent, AuditFact } from '../domain/audit-event.ts';
import type { AttemptState, CallState, Wish } from '../domain/decide.ts';
import type { Place } from '../domain/deliveries.ts';
import type { Receipt, WrappedKey } from '../domain/receipts.ts';
import type { Campaigns } from './campaigns.ts';
import type { IntakePauses, ParkedLedger } from './parked.ts';
import type { Reconciling } from './reconciling.ts';

/** Where a call stands: what `decide` will find, unless something happens in between. */
export interface CallView {
  readonly callUid: string;
  readonly state: CallState;
  readonly receipt: Receipt | undefined;
}

/** An intent is an audit event that is durable before a key is used; something must close it. */
export interface Intent {
  readonly fact: AuditFact;
}

export interface NewAttempt {
  readonly uid: string;
  readonly origin: Place;
  readonly replay: number;
  readonly deliveredDigest: string;
  readonly tenant: string;
  readonly call: string;
  /** As `viewCall` gave it; the attempt's objects are named by it. Checked where it is given. */
  readonly callUid?: string;
  readonly revision: number;
  readonly intents: readonly Intent[];
}

/** How an intent ended, as the process that acted knows it. */
export interface IntentEnd {
  readonly intentUid: string;
  readonly fact: AuditFact;
}

/** What one delivery asks the registry to decide. */
export interface Proposal {
  readonly delivery: {
    readonly origin: Place;
    readonly replay: number;
    readonly arrival: Place;
    readonly deliveredDigest: string;
  };
  /** Absent where the event could not be read or was not authorised: then `wish` is a park. */
  readonly call?: {
    readonly tenant: string;
    readonly call: string;
    readonly revision: number;
    readonly eventDigest: string;
  };
  readonly attempt?: string;
  readonly wish: Wish;
  /** With a wish to seal. Keys of every artifact that this attempt sealed itself. */
  readonly sealed?: { readonly receipt: Receipt; readonly keys: readonly WrappedKey[] };
  /** Kinds and sizes that travel downstream; decides `announced` in the outcome. */
  readonly announce?: readonly string[];
  readonly timings?: Readonly<Record<string, number>>;
  /** Ends of the attempt's intents, and the fact of the decision itself, given the answer. */
  readonly intentEnds: readonly IntentEnd[];
  readonly auditOf: (answer: AnswerRow) => AuditFact | undefined;
  readonly answerUid: string;
  readonly decidedAt: string;
  /** Of the worker; kept where a rule of the decision parks. */
  readonly workerVersion?: string;
}

/** `adopted`: this (origin, replay) had its answer already. `start-again`: the attempt lost, without counting. */
export type Decided =
  | { readonly kind: 'answered'; readonly row: AnswerRow; readonly adopted: boolean }
  | { readonly kind: 'start-again' };

/** What a shred destroys: a call, one class of it, or (call absent) a whole tenant. */
export interface ShredScope {
  readonly tenant: string;
  readonly call?: string;
  readonly keyClass?: KeyClass;
}

export interface Shredded {
  readonly keysDeleted: number;
  /** Objects that no key opens any more; deleting them is the caller's. */
  readonly objects: readonly string[];
  /** One for each call concerned; each publishes one outcome. */
  readonly answers: readonly AnswerRow[];
}

/**
 * Attempts and the decision. Every method is one transaction; state and audit rows commit together.
 *
 * All reject with CallsealError REGISTRY_DOWN (nothing happened, or for `decide` and `shred`: nothing is known to
 * have happened), REGISTRY_WENT_BACK, REGISTRY_DAMAGED.
 *
 * A handle lives in the epoch that it met first. After a restore it answers REGISTRY_WENT_BACK for ever, also once
 * the restore is accepted: the process behind it has to start anew.
 */
export interface Decisions {
  /**
   * Makes the call row where it is missing, inserts the attempt as `open`, and its intents, in one commit.
   *
   * @throws CallsealError CALL_SHREDDED - a tombstone of the call or the tenant: nothing was opened
   * @throws CallsealError ATTEMPT_LOST - the call has another uid than it was viewed with
   * @throws CallsealError ORIGIN_REUSED - this origin was seen with other bytes
   */
  openAttempt(attempt: NewAttempt, signal: AbortSignal): Promise<void>;
  /** Refreshes seen-at of open attempts, by the database's clock. */
  touchAttempts(uids: readonly string[], signal: AbortSignal): Promise<void>;
  /** `open` → `lost`, closing its intents. A no-op where it is no longer open. */
  loseAttempt(uid: string, ends: readonly IntentEnd[], signal: AbortSignal): Promise<void>;
  /**
   * The one decision (docs/architecture.md). Idempotent by (origin, replay).
   *
   * @throws CallsealError COMMIT_UNKNOWN - COMMIT was sent, its reply is lost: read the answer again, delete nothing
   * @throws CallsealError ORIGIN_REUSED - this origin was answered with other bytes
   */
  decide(proposal: Proposal, signal: AbortSignal): Promise<Decided>;
  /** @throws CallsealError ORIGIN_REUSED - there is an answer, for other bytes */
  answerOf(
    delivery: { readonly origin: Place; readonly replay: number; readonly deliveredDigest: string },
    signal: AbortSignal,
  ): Promise<AnswerRow | undefined>;
  /** Makes the call row where it is missing. `revision` is the one whose receipt `state` looks for. */
  viewCall(tenant: string, call: string, revision: number, signal: AbortSignal): Promise<CallView>;
  /**
   * Deletes every wrapped key in scope and leaves a tombstone, in one transaction; a shred of what was never
   * there leaves the tombstone too.
   */
  shred(
    scope: ShredScope,
    audit: { readonly uid: string; readonly fact: AuditFact; readonly at: string },
    signal: AbortSignal,
  ): Promise<Shredded>;
}

export interface CallSummary {
  readonly tenant: string;
  readonly call: string;
  readonly callUid: string;
  readonly shredded: boolean;
  readonly current: { readonly revision: number; readonly generation: number } | undefined;
  readonly sealedAt: string | undefined;
  readonly artifacts: number;
  readonly sealedBytes: number;
  readonly warnings: number;
}

export interface AnswerFilter {
  readonly tenant?: string;
  readonly call?: string;
  readonly answer?: AnswerRow['answer'];
  /** Newest first; at most this many. */
  readonly limit: number;
}

/** Reading what is there: list, show, status, verify, dlq. */
export interface Catalogue {
  calls(
    filter: { readonly tenant?: string; readonly limit?: number },
    signal: AbortSignal,
  ): Promise<CallSummary[]>;
  call(tenant: string, call: string, signal: AbortSignal): Promise<CallSummary | undefined>;
  /**
   * Sealed calls that are not shredded, in the order of their random uid, from one on and round at the end: from a
   * random uid, a random sample that costs no look at every call.
   */
  sealedCalls(fromUid: string, limit: number, signal: AbortSignal): Promise<CallSummary[]>;
  /** All receipts of a call, current one last. */
  receipts(tenant: string, call: string, signal: AbortSignal): Promise<Receipt[]>;
  currentReceipt(tenant: string, call: string, signal: AbortSignal): Promise<Receipt | undefined>;
  answers(filter: AnswerFilter, signal: AbortSignal): Promise<AnswerRow[]>;
  answer(uid: string, signal: AbortSignal): Promise<AnswerRow | undefined>;
  /** The wrapped call key of that name; undefined once shredded. */
  wrappedKey(name: string, signal: AbortSignal): Promise<WrappedKey | undefined>;
  /** Audit facts about a call, by action: the exports that `show` lists for ever. */
  auditOf(
    subject: string,
    action: AuditFact['action'],
    signal: AbortSignal,
  ): Promise<(AuditFact & { readonly outcome: AuditFact['outcome'] })[]>;
}

/** What an operator gave as the reason, sealed under a dead-letter key. */
export interface SealedReason {
  readonly eventUid: string;
  readonly keyName: string;
  readonly sealed: Uint8Array;
}

/** Facts of their own, and intents of commands; relayed into the chain. */
export interface AuditLog {
  append(facts: readonly AuditFact[], signal: AbortSignal): Promise<void>;
  /** Durable when it resolves; only then may the key be used. */
  openIntent(intent: Intent, signal: AbortSignal): Promise<void>;
  closeIntent(end: IntentEnd, signal: AbortSignal): Promise<void>;
  /** A command's reason, sealed, beside the audit event it belongs to; never published. */
  addReason(reason: SealedReason, signal: AbortSignal): Promise<void>;
  /**
   * Takes the relay's lease for `ttlMs` by the database's clock. This and what needs the lease look at the epoch first:
   * a registry that went back would give numbers that its audit topic has already.
   *
   * @returns its fencing number, or undefined
   * @throws CallsealError REGISTRY_WENT_BACK
   */
  leaseRelay(holder: string, ttlMs: number, signal: AbortSignal): Promise<number | undefined>;
  /** Lets go of the lease at the end of a process, so that the next relay need not wait it out. */
  releaseRelay(holder: string, signal: AbortSignal): Promise<void>;
  /** Chains rows that have no `seq` yet, at most `limit`, under the lease. @throws CallsealError FENCED, REGISTRY_WENT_BACK */
  sequence(fence: number, limit: number, signal: AbortSignal): Promise<number>;
  /** Chained and not yet marked published, in order. */
  unpublished(limit: number, signal: AbortSignal): Promise<AuditEvent[]>;
  /** @throws CallsealError FENCED, REGISTRY_WENT_BACK */
  markPublished(fence: number, throughSeq: number, signal: AbortSignal): Promise<void>;
  /** The whole chain from `fromSeq`, in order. */
  chain(fromSeq: number, signal: AbortSignal): AsyncIterable<AuditEvent>;
  pending(signal: AbortSignal): Promise<{ readonly unsequenced: number; readonly unpublished: number }>;
}

export interface SweepableAttempt {
  readonly uid: string;
  readonly tenant: string;
  readonly callUid: string;
  readonly state: AttemptState;
}

/** What the sweep does to the registry. Ages are by the database's clock. */
export interface Sweeping {
  /** `open` attempts unseen for `unseenMs` → `abandoned`, each with its audit fact. @returns how many */
  abandonAttempts(
    unseenMs: number,
    auditOf: (attempt: SweepableAttempt) => AuditFact,
    signal: AbortSignal,
  ): Promise<number>;
  /** Closes intents of attempts that are no longer open, and of commands older than `commandMs`, as `unknown`. */
  closeDanglingIntents(
    commandMs: number,
    auditOf: (intent: AuditFact) => AuditFact,
    signal: AbortSignal,
  ): Promise<number>;
  /** `lost` and `abandoned` attempts that ended more than `graceMs` ago and are not `swept`. */
  sweepable(graceMs: number, limit: number, signal: AbortSignal): Promise<SweepableAttempt[]>;
  /** Remembers that objects of the attempt were deleted just now. */
  noteDeletion(uid: string, facts: readonly AuditFact[], signal: AbortSignal): Promise<void>;
  /** Marks `swept` where the last deletion is older than `quietMs`. @returns whether it is swept now */
  markSwept(uid: string, quietMs: number, signal: AbortSignal): Promise<boolean>;
  attemptState(uid: string, signal: AbortSignal): Promise<AttemptState | undefined>;
  /** Whether any current receipt names the object: it must never be deleted. */
  isNamed(object: string, signal: AbortSignal): Promise<boolean>;
}

/** A file that `callseal seal` reads in place, known until its call is answered. */
export interface OneCallSource {
  readonly tenant: string;
  readonly call: string;
  readonly revision: number;
  readonly key: string;
  readonly path: string;
}

/** The day's dead-letter key of one worker: it must work for unknown tenants too. */
export interface DeadLetterKey extends Omit<WrappedKey, 'keyClass' | 'attempt'> {
  readonly worker: string;
  readonly day: string;
}

/** Small tables of the rest. */
export interface Ledger {
  createTenant(tenant: string, fact: AuditFact, signal: AbortSignal): Promise<void>;
  tenants(signal: AbortSignal): Promise<string[]>;
  addOneCallSources(sources: readonly OneCallSource[], signal: AbortSignal): Promise<void>;
  oneCallSource(ref: Omit<OneCallSource, 'path'>, signal: AbortSignal): Promise<string | undefined>;
  removeOneCallSources(tenant: string, call: string, revision: number, signal: AbortSignal): Promise<void>;
  addDeadLetterKey(key: DeadLetterKey, signal: AbortSignal): Promise<void>;
  deadLetterKey(name: string, signal: AbortSignal): Promise<DeadLetterKey | undefined>;
  /** Key materials that wrapped keys hang on, each once: whoever holds the KEKs must have them all. */
  keyMaterials(signal: AbortSignal): Promise<string[]>;
}

export interface RegistryState {
  readonly epoch: number;
  /** Highest sequenced audit event, 0 where there is none. */
  readonly auditSeq: number;
  /** Set once a restore was noticed and not yet accepted: nothing is won, swept or shredded. */
  readonly wentBack: boolean;
}

export interface Tombstone {
  readonly tenant: string;
  readonly call?: string;
  readonly keyClass?: KeyClass;
  readonly at: string;
}

/** A registry that was restored or failed over (docs/architecture.md, "A registry that went back"). */
export interface Restoring {
  state(signal: AbortSignal): Promise<RegistryState>;
  /** All of them, or the `newest` ones; the oldest first. */
  tombstones(signal: AbortSignal, newest?: number): Promise<Tombstone[]>;
  /**
   * One transaction: raises the epoch above every one that this registry may have had, re-applies the tombstones,
   * turns every `open` attempt into `unknown` with its intents closed as `unknown`, and refuses decisions until
   * `acceptRestore`. This handle goes on in the new epoch.
   */
  declareWentBack(tombstones: readonly Tombstone[], fact: AuditFact, signal: AbortSignal): Promise<void>;
  /**
   * Tombstones that came to light after that. Safe to repeat.
   *
   * @throws CallsealError REFUSED - no restore waits for being accepted
   */
  reapplyTombstones(tombstones: readonly Tombstone[], signal: AbortSignal): Promise<void>;
  /**
   * Takes what this registry has forgotten of its audit chain back from the audit topic: whatever is chained above
   * `after` loses its number and waits for the relay again, `events` stand there instead, and the chain goes on
   * behind the last of them, which counts as published. One transaction. Several pages: `after` is the last number
   * of the page before.
   *
   * @param events - in order, above `after`
   * @throws CallsealError REFUSED - no restore waits for being accepted
   */
  rejoinChain(after: number, events: readonly AuditEvent[], signal: AbortSignal): Promise<void>;
  /** Whether each has its answer, whatever its bytes; also while a restore waits for being accepted. */
  answered(
    deliveries: readonly { readonly origin: Place; readonly replay: number }[],
    signal: AbortSignal,
  ): Promise<readonly boolean[]>;
  /** Decisions, sweeps and shreds go on, in the new epoch. Without effect where no restore waits for it. */
  acceptRestore(fact: AuditFact, signal: AbortSignal): Promise<void>;
}

export interface Registry
  extends Decisions,
    Catalogue,
    AuditLog,
    Sweeping,
    Ledger,
    ParkedLedger,
    IntakePauses,
    Restoring,
    Reconciling,
    Campaigns {
  close(): Promise<void>;
}
