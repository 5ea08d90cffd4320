import { randomInt } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import type { AnswerRow, ParkReason } from '../domain/answers.ts';
import type { AuditFact } from '../domain/audit-event.ts';
import { authoriseEvent, authoriseTenant, numericIds } from '../domain/authorise.ts';
import type { CallEvent } from '../domain/call-event.ts';
import { fault } from '../domain/crash-points.ts';
import { judge, type Wish } from '../domain/decide.ts';
import { type Decoded, decodeEvent, type EventLimits, type Identity } from '../domain/decode-event.ts';
import { type Delivery, deliveredDigest, recordKey } from '../domain/deliveries.ts';
import { CallsealError, codeOf, dispositionOf } from '../domain/errors.ts';
import { newUid } from '../domain/ids.ts';
import type { Tenant, TenantDirectory } from '../domain/tenants.ts';
import type { Warning } from '../domain/warnings.ts';
import type { CallView, Decided, Decisions, Proposal } from '../ports/registry.ts';
import { fingerprint, type Stage } from './fingerprint.ts';
import { planCall, recordingAllowed } from './plan-call.ts';
import { type SealCallParts, type SealedCall, sealCall } from './seal-call.ts';

export interface AnswerParts extends SealCallParts {
  readonly registry: Decisions;
  readonly tenants: TenantDirectory;
  readonly limits: EventLimits;
  readonly retry: { readonly inPlace: number; readonly giveUpAfterMs: number };
}

/** An event that was read and whose sender may speak for its tenant. */
interface Accepted {
  readonly delivery: Delivery;
  readonly event: CallEvent;
  readonly eventDigest: string;
  readonly tenant: Tenant;
  readonly warnings: readonly Warning[];
}

type CallOfProposal = NonNullable<Proposal['call']>;

/** Lost races in a row before the delivery goes to the back of the queue instead. */
const LOST_RACES = 8;
const RETRY_DELAY_MS = { from: 100, to: 400 };

/** Whose delivery it is, as far as its bytes say so: what a paused tenant or alias is matched with. */
export interface Claim {
  readonly decoded: Decoded;
  readonly tenant: string | undefined;
  readonly aliases: readonly string[];
}

export function claimOf(delivery: Delivery, limits: EventLimits): Claim {
  const decoded = decodeEvent(delivery, limits);
  const tenant = decoded.ok ? decoded.event.tenant : decoded.identity?.tenant;
  const aliases = decoded.ok ? [...new Set(decoded.event.artifacts.map(({ source }) => source.alias))] : [];
  return { decoded, tenant, aliases };
}

/**
 * Brings a delivery to its one answer: the one it has already, or the decision about what was sealed, refused or
 * parked (docs/architecture.md, "The decision").
 *
 * @throws CallsealError with a disposition of pause, retry or stop: there is no answer yet
 */
export async function answerDelivery(
  parts: AnswerParts,
  delivery: Delivery,
  { decoded }: Claim,
  signal: AbortSignal,
): Promise<AnswerRow> {
  const known = await parts.registry.answerOf(keyOf(delivery), signal);
  if (known) return known;
  const accepted = await accept(parts, delivery, decoded);
  if (accepted instanceof CallsealError) {
    const call = await readableCall(parts, delivery, decoded);
    return await park(parts, delivery, call, decoded.ok ? 'authorise' : 'decode', accepted, signal);
  }
  return await answerAccepted(parts, accepted, signal);
}

async function accept(
  parts: AnswerParts,
  delivery: Delivery,
  decoded: Decoded,
): Promise<Accepted | CallsealError> {
  if (!decoded.ok) return decoded.error;
  const { event, eventDigest, unknownFields } = decoded;
  try {
    const tenant = authoriseTenant(await parts.tenants.find(event.tenant), delivery.origin.topic);
    authoriseEvent(event, tenant);
    const warnings: Warning[] = [
      ...(delivery.key === recordKey(event.tenant, event.call) ? [] : (['KEY_NOT_CALL'] as const)),
      ...(numericIds(event).length > 0 ? (['ID_LOOKS_LIKE_NUMBER'] as const) : []),
      ...(unknownFields > 0 ? (['UNKNOWN_FIELDS'] as const) : []),
    ];
    return { delivery, event, eventDigest, tenant, warnings };
  } catch (error) {
    if (error instanceof CallsealError && dispositionOf(error.code) === 'park') return error;
    throw error;
  }
}

/** The call of an event that is refused, where its sender may at least be answered about that call. */
async function readableCall(
  parts: AnswerParts,
  delivery: Delivery,
  decoded: Decoded,
): Promise<CallOfProposal | undefined> {
  const identity: Identity | undefined = decoded.ok ? decoded.event : decoded.identity;
  if (!identity) return undefined;
  const tenant = await parts.tenants.find(identity.tenant);
  if (tenant?.topic !== delivery.origin.topic) return undefined;
  const { call, revision } = identity;
  return { tenant: tenant.id, call, revision, eventDigest: decoded.eventDigest ?? '' };
}

async function answerAccepted(
  parts: AnswerParts,
  accepted: Accepted,
  signal: AbortSignal,
): Promise<AnswerRow> {
  let failures = 0;
  for (let races = 0; races < LOST_RACES; races++) {
    try {
      const decided = await tryOnce(parts, accepted, signal);
      if (decided.kind === 'answered') return decided.row;
    } catch (error) {
      const disposition = dispositionOf(codeOf(error));
      if (disposition === 'park' || disposition === 'bug') {
        return await park(parts, accepted.delivery, callOf(accepted), 'seal', error, signal);
      }
      if (disposition !== 'retry') throw error;
      if (codeOf(error) !== 'ATTEMPT_LOST' && ++failures >= parts.retry.inPlace) {
        return await giveUpOrThrow(parts, accepted, error, signal);
      }
      await sleep(randomInt(RETRY_DELAY_MS.from, RETRY_DELAY_MS.to), undefined, { signal });
    }
  }
  throw new CallsealError('ATTEMPT_LOST', 'other deliveries of this call kept winning');
}

/** Parks where the first counted failure is too long ago; otherwise the delivery goes to the retry topic. */
async function giveUpOrThrow(
  parts: AnswerParts,
  accepted: Accepted,
  error: unknown,
  signal: AbortSignal,
): Promise<AnswerRow> {
  const first = Date.parse(accepted.delivery.firstFailedAt ?? parts.now().toISOString());
  if (parts.now().getTime() - first < parts.retry.giveUpAfterMs) throw error;
  return await park(parts, accepted.delivery, callOf(accepted), 'seal', error, signal);
}

async function tryOnce(parts: AnswerParts, accepted: Accepted, signal: AbortSignal): Promise<Decided> {
  const { event, eventDigest, tenant, delivery } = accepted;
  const view = await parts.registry.viewCall(tenant.id, event.call, event.revision, signal);
  const wish: Wish = recordingAllowed(event, tenant)
    ? { kind: 'none' }
    : { kind: 'refuse', code: 'CONSENT_DENIED' };
  if (answersAlready(view, accepted, wish)) {
    return await decide(parts, { ...base(parts, delivery), call: callOf(accepted), wish }, signal);
  }
  const sealed = await sealAccepted(parts, accepted, view, signal);
  fault('before-decision');
  const warnings = [...sealed.receipt.warnings, ...sealed.receipt.artifacts.flatMap((one) => one.warnings)];
  try {
    return await decide(
      parts,
      {
        ...base(parts, delivery),
        call: { tenant: tenant.id, call: event.call, revision: event.revision, eventDigest },
        attempt: sealed.attempt,
        wish: { kind: 'seal', warnings: warnings.length > 0 },
        sealed: { receipt: sealed.receipt, keys: sealed.keys },
        announce: tenant.policy.transcriptEvents,
        timings: sealed.timings,
        intentEnds: sealed.intentEnds,
      },
      signal,
    );
  } finally {
    parts.openAttempts.delete(sealed.attempt);
  }
}

/** Asks the rules as if everything else went well: what they answer now they will answer in the decision too. */
function answersAlready({ state }: CallView, { event, eventDigest }: Accepted, wish: Wish): boolean {
  const best = { ...state, attempt: 'open', carriedStillThere: true } as const;
  const judgement = judge(best, { revision: event.revision, eventDigest, wish });
  return judgement.answer !== 'start-again';
}

async function sealAccepted(
  parts: AnswerParts,
  { delivery, event, eventDigest, tenant, warnings }: Accepted,
  view: CallView,
  signal: AbortSignal,
): Promise<SealedCall> {
  const plan = await planCall(event, view.receipt, parts.sources, signal);
  const { callUid } = view;
  return await sealCall(parts, { delivery, event, eventDigest, tenant, callUid, plan, warnings }, signal);
}

async function park(
  parts: AnswerParts,
  delivery: Delivery,
  call: CallOfProposal | undefined,
  stage: Stage,
  error: unknown,
  signal: AbortSignal,
): Promise<AnswerRow> {
  const code = codeOf(error);
  const reason: ParkReason = {
    code,
    stage,
    disposition: dispositionOf(code),
    fingerprint: fingerprint(stage, error),
    counted: delivery.counted + 1,
    firstFailedAt: delivery.firstFailedAt ?? parts.now().toISOString(),
    workerVersion: parts.auditor.writer.version,
  };
  const decided = await decide(
    parts,
    {
      ...base(parts, delivery),
      ...(call && { call }),
      wish: { kind: 'park', reason },
    },
    signal,
  );
  if (decided.kind === 'answered') return decided.row;
  throw new CallsealError('ATTEMPT_LOST', 'the call changed while this delivery was being parked');
}

function base(parts: AnswerParts, delivery: Delivery): Omit<Proposal, 'wish'> {
  return {
    delivery: { ...keyOf(delivery), arrival: delivery.arrival },
    intentEnds: [],
    answerUid: newUid(),
    decidedAt: parts.now().toISOString(),
    workerVersion: parts.auditor.writer.version,
    auditOf: (row) => decisionFact(parts, row),
  };
}

function callOf({ tenant, event, eventDigest }: Accepted): CallOfProposal {
  return { tenant: tenant.id, call: event.call, revision: event.revision, eventDigest };
}

function keyOf(delivery: Delivery): { origin: Delivery['origin']; replay: number; deliveredDigest: string } {
  return {
    origin: delivery.origin,
    replay: delivery.replay,
    deliveredDigest: deliveredDigest(delivery.value),
  };
}

const ACTION_OF = {
  sealed: 'call.seal',
  'sealed-with-warnings': 'call.seal',
  parked: 'call.park',
  superseded: 'call.refuse',
  refused: 'call.refuse',
} as const;

function decisionFact({ auditor }: AnswerParts, row: AnswerRow): AuditFact | undefined {
  if (row.answer === 'duplicate') return undefined;
  return auditor.fact(ACTION_OF[row.answer], {
    outcome: { status: 'ok', ...(row.code !== undefined && { code: row.code }) },
    ...(row.tenant !== undefined && { tenant: row.tenant }),
    ...(row.callUid !== undefined && { subject: { kind: 'call', uid: row.callUid } }),
    delivery: {
      topic: row.origin.topic,
      partition: row.origin.partition,
      offset: row.origin.offset,
    },
  });
}

const DECIDE_RETRY_MS = { first: 200, most: 5_000 };

/**
 * Decides, and keeps asking while the registry is away or the reply to COMMIT was lost: a finished seal waits, it is
 * not thrown away. Asking again is safe: the answer of this (origin, replay) is adopted where it was made.
 */
async function decide({ registry }: AnswerParts, proposal: Proposal, signal: AbortSignal): Promise<Decided> {
  for (let wait = DECIDE_RETRY_MS.first; ; wait = Math.min(wait * 2, DECIDE_RETRY_MS.most)) {
    try {
      const decided = await registry.decide(proposal, signal);
      fault('after-decision');
      return decided;
    } catch (error) {
      const code = codeOf(error);
      if (code !== 'REGISTRY_DOWN' && code !== 'COMMIT_UNKNOWN') throw error;
      await sleep(wait, undefined, { signal });
    }
  }
}
