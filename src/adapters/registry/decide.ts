import { createHash } from 'node:crypto';
import type { ParkReason } from '../../domain/answers.ts';
import { fault } from '../../domain/crash-points.ts';
import {
  type Asked,
  type CallState,
  currentAfter,
  type Judgement,
  judge,
  type Rule,
} from '../../domain/decide.ts';
import { CallsealError, type Code, dispositionOf } from '../../domain/errors.ts';
import type { Receipt, WrappedKey } from '../../domain/receipts.ts';
import type { Decided, Proposal } from '../../ports/registry.ts';
import { findAnswer, insertAnswer, originReused, refuseReusedOrigin } from './answer-rows.ts';
import { endAttempt } from './attempts.ts';
import { closeIntents, insertFacts } from './audit-rows.ts';
import { type LockedCall, lockCall, readCall, registryEpoch } from './call-row.ts';
import { type CallDecision, decisionRow } from './decision-row.ts';
import type { KnownEpoch } from './known-epoch.ts';
import {
  carriedStillThere,
  insertSealed,
  isCarried,
  keysOf,
  refuseForeignObjects,
  withoutClasses,
} from './sealed-rows.ts';
import type { Sql, SqlDatabase } from './sql.ts';

/** What every decision of one registry handle has in common. */
export interface Life {
  readonly rules: readonly Rule[];
  readonly known: KnownEpoch;
}

const START_AGAIN: Decided = { kind: 'start-again' };

/** The decision transaction (docs/architecture.md, "The decision"). The rules themselves are `domain/decide.ts`. */
export async function decide(
  database: SqlDatabase,
  { rules, known }: Life,
  proposal: Proposal,
): Promise<Decided> {
  return await database.transaction(proposal.call?.tenant, async (sql) => {
    const decided = proposal.call
      ? await decideCall(sql, { rules, known }, proposal, proposal.call)
      : await parkUnreadable(sql, known, proposal);
    await closeIntents(sql, proposal.intentEnds);
    if (decided.kind === 'answered' && !decided.adopted) {
      const fact = proposal.auditOf(decided.row);
      if (fact) await insertFacts(sql, [fact]);
    }
    fault('in-decision');
    return decided;
  });
}

type CallAsked = NonNullable<Proposal['call']>;

async function decideCall(
  sql: Sql,
  { rules, known }: Life,
  proposal: Proposal,
  call: CallAsked,
): Promise<Decided> {
  const locked = await lockCall(sql, known, call.tenant, call.call);
  const there = await findAnswer(sql, known, proposal.delivery);
  if (there) {
    await loseOwn(sql, proposal);
    return { kind: 'answered', row: there, adopted: true };
  }
  const situation = await examine(sql, proposal, call);
  const judgement = judge(situation.state, situation.asked, rules);
  if (isSealing(judgement)) {
    return await seal(sql, proposal, call, locked, situation, judgement);
  }
  await loseOwn(sql, proposal);
  if (judgement.answer === 'start-again') return START_AGAIN;
  if (judgement.code === 'CONSENT_DENIED') await rememberDenied(sql, call);
  return await write(sql, proposal, locked, {
    ...factsOf(call, proposal, situation, judgement),
    answer: judgement.answer,
    code: judgement.code,
    park: judgement.answer === 'parked' ? parkReason(proposal, judgement.code) : undefined,
  });
}

type Sealing = Extract<Judgement, { answer: 'sealed' | 'sealed-with-warnings' }>;

function isSealing(judgement: Judgement): judgement is Sealing {
  return judgement.answer === 'sealed' || judgement.answer === 'sealed-with-warnings';
}

interface Situation {
  readonly state: CallState;
  readonly asked: Asked;
  /** What would be written: the proposal's receipt and keys without what was shredded meanwhile. */
  readonly receipt: Receipt | undefined;
  readonly ownKeys: readonly WrappedKey[];
  readonly callKeys: readonly WrappedKey[];
}

/** Reads, under the lock, all that the rules ask for. */
async function examine(sql: Sql, proposal: Proposal, call: CallAsked): Promise<Situation> {
  const { attempt, sealed, wish } = proposal;
  // With an attempt it was looked at when that was opened.
  if (attempt === undefined) await refuseReusedOrigin(sql, proposal.delivery);
  const found = await readCall(sql, call, attempt);
  if (!found) throw new CallsealError('BUG', 'a locked call has no row');
  const shredded = found.state.shreddedClasses;
  const receipt = sealed && withoutClasses(sealed.receipt, shredded);
  const callKeys = receipt?.artifacts.some(isCarried) ? await keysOf(sql, call) : [];
  const leftOut = receipt !== sealed?.receipt;
  return {
    state: {
      ...found.state,
      carriedStillThere: receipt === undefined || carriedStillThere(receipt, found.receipt, callKeys),
    },
    asked: {
      revision: call.revision,
      eventDigest: call.eventDigest,
      wish: wish.kind === 'seal' ? { ...wish, warnings: wish.warnings || leftOut } : wish,
    },
    receipt,
    ownKeys: sealed?.keys.filter(({ keyClass }) => !shredded.includes(keyClass)) ?? [],
    callKeys,
  };
}

async function seal(
  sql: Sql,
  proposal: Proposal,
  call: CallAsked,
  locked: LockedCall,
  situation: Situation,
  judgement: Sealing,
): Promise<Decided> {
  const { attempt, announce = [] } = proposal;
  const { receipt, ownKeys, callKeys } = situation;
  if (attempt === undefined || receipt === undefined) {
    throw new CallsealError('BUG', 'a wish to seal comes with an attempt and a receipt');
  }
  // It was open when it was read, a moment ago; but the sweep takes no lock of the call.
  if (!(await endAttempt(sql, attempt, 'won'))) return START_AGAIN;
  refuseForeignObjects(receipt, { ...call, attempt, callUid: locked.callUid }, ownKeys);
  await insertSealed(sql, receipt, ownKeys);
  return await write(sql, proposal, locked, {
    ...factsOf(call, proposal, situation, judgement),
    answer: judgement.answer,
    code: undefined,
    sealed: { receipt, keys: [...callKeys, ...ownKeys], announce },
  });
}

function factsOf(
  call: CallAsked,
  proposal: Proposal,
  { state, receipt }: Situation,
  judgement: Judgement,
): Pick<CallDecision, 'tenant' | 'call' | 'revision' | 'current' | 'timings'> {
  const asked = { revision: call.revision, generation: receipt?.generation ?? 1 };
  return {
    tenant: call.tenant,
    call: call.call,
    revision: call.revision,
    current: currentAfter(state, judgement, asked),
    timings: proposal.timings,
  };
}

async function write(
  sql: Sql,
  proposal: Proposal,
  locked: LockedCall,
  decision: CallDecision,
): Promise<Decided> {
  const row = decisionRow(identityOf(proposal), locked, decision);
  // No answer was there under the lock: so this one was given to another call, that is, for other bytes.
  if (!(await insertAnswer(sql, row))) throw originReused(row.origin);
  return { kind: 'answered', row, adopted: false };
}

/** An event that could not be read or was not authorised: there is no call to lock and nothing to announce. */
async function parkUnreadable(sql: Sql, known: KnownEpoch, proposal: Proposal): Promise<Decided> {
  const { wish, delivery } = proposal;
  if (wish.kind !== 'park') throw new CallsealError('BUG', 'without a call there is only a park');
  const epoch = await registryEpoch(sql, known);
  await refuseReusedOrigin(sql, delivery);
  const row = {
    ...identityOf(proposal),
    answer: 'parked',
    code: wish.reason.code,
    tenant: undefined,
    call: undefined,
    callUid: undefined,
    revision: undefined,
    generation: undefined,
    sequence: undefined,
    registryEpoch: epoch,
    park: wish.reason,
    outcome: undefined,
  } as const;
  if (await insertAnswer(sql, row)) return { kind: 'answered', row, adopted: false };
  const there = await findAnswer(sql, known, delivery);
  if (!there) throw new CallsealError('BUG', 'an answer that is there cannot be read');
  return { kind: 'answered', row: there, adopted: true };
}

function identityOf({ delivery, answerUid, decidedAt }: Proposal) {
  return { ...delivery, uid: answerUid, decidedAt };
}

async function loseOwn(sql: Sql, { attempt }: Proposal): Promise<void> {
  if (attempt !== undefined) await endAttempt(sql, attempt, 'lost');
}

async function rememberDenied(sql: Sql, { tenant, call, revision }: CallAsked): Promise<void> {
  await sql.query('update calls set denied_revision = $3 where tenant = $1 and call = $2', [
    tenant,
    call,
    revision,
  ]);
}

/** The worker's own reason, or that of a rule that only the decision could apply. */
function parkReason({ wish, decidedAt, workerVersion }: Proposal, code: Code | undefined): ParkReason {
  if (wish.kind === 'park' && wish.reason.code === code) return wish.reason;
  const why = code ?? 'BUG';
  return {
    code: why,
    stage: 'decide',
    disposition: dispositionOf(why),
    fingerprint: createHash('sha256').update(`decide\n${why}`).digest('hex'),
    counted: 0,
    firstFailedAt: decidedAt,
    ...(workerVersion !== undefined && { workerVersion }),
  };
}
