import type { AnswerRow } from '../domain/answers.ts';
import { fault } from '../domain/crash-points.ts';
import { type Delivery, samePlace } from '../domain/deliveries.ts';
import { CallsealError, type Code, codeOf, dispositionOf } from '../domain/errors.ts';
import type { OutcomeArtifact } from '../domain/outcome-event.ts';
import { type Output, outputsOf } from '../domain/outputs.ts';
import { ONE_CALL_ALIAS } from '../domain/tenants.ts';
import type { Handler, Verdict } from '../ports/inbox.ts';
import type { Objects } from '../ports/objects.ts';
import type { Ledger } from '../ports/registry.ts';
import { type AnswerParts, answerDelivery, type Claim, claimOf } from './answer-delivery.ts';
import type { BugBreaker } from './bug-breaker.ts';
import type { DeadLetters } from './dead-letters.ts';
import type { Blocked, Intake } from './intake.ts';
import { readWhole } from './read-whole.ts';

export interface HandlerParts extends AnswerParts {
  readonly registry: AnswerParts['registry'] & Pick<Ledger, 'removeOneCallSources'>;
  readonly intake: Intake;
  readonly breaker: BugBreaker;
  readonly letters: DeadLetters;
  readonly retryDelayMs: number;
  /** Whether the worker ends once nothing is due: it does not wait for operators. */
  readonly untilIdle?: boolean;
  /** Told of every answer, once per delivery of it; for logs and metrics. */
  readonly onAnswer?: (row: AnswerRow, delivery: Delivery) => void;
  /** Told of every failure that left a delivery without an answer. */
  readonly onFailure?: (error: unknown, delivery: Delivery) => void;
}

/**
 * The worker's answer to a delivery, as a verdict for the inbox. It never rejects: what happens to an error is its
 * code's disposition, and this is the one place where that is carried out.
 */
export function deliveryHandler(parts: HandlerParts): Handler {
  return async (delivery, signal) => {
    fault('after-read');
    const claim = claimOf(delivery, parts.limits);
    const blocked = parts.intake.blocked(claim.tenant, claim.aliases);
    if (blocked) return heldBack(parts, blocked);
    try {
      const row = await answerDelivery(parts, delivery, claim, signal);
      const outputs = await outputsFor(parts, row, delivery, signal);
      parts.intake.passed(claim.tenant, claim.aliases);
      await afterAnswer(parts, row, delivery, claim, signal);
      return { do: 'settle', outputs };
    } catch (error) {
      parts.onFailure?.(error, delivery);
      const verdict = verdictOf(parts, error, delivery, claim, signal);
      parts.intake.undecided(claim.tenant, claim.aliases);
      return verdict;
    }
  };
}

/** What an operator has paused is not due: a worker that ends when idle leaves it for the next one. */
function heldBack({ untilIdle = false }: HandlerParts, { code, resumed }: Blocked): Verdict {
  if (untilIdle && code === 'INTAKE_PAUSED') return { do: 'leave' };
  return { do: 'wait', resumed, code };
}

/** Outputs of the row, for the arrival that decided it; every other record of the same delivery publishes nothing. */
async function outputsFor(
  parts: HandlerParts,
  row: AnswerRow,
  delivery: Delivery,
  signal: AbortSignal,
): Promise<readonly Output[]> {
  if (!samePlace(row.arrival, delivery.arrival)) return [];
  const outputs = await outputsOf(
    row,
    async (artifact) => await announcedObject(parts.objects, artifact, signal),
  );
  return row.park ? [...outputs, await parts.letters.seal(row, delivery, signal)] : outputs;
}

/** undefined: a shred came between the answer and its settle, and nobody could open the bytes any more. */
async function announcedObject(
  objects: Objects,
  artifact: OutcomeArtifact,
  signal: AbortSignal,
): Promise<Buffer | undefined> {
  try {
    return await readWhole(objects, artifact.object, artifact.sealedBytes, signal);
  } catch (error) {
    if (codeOf(error) === 'OBJECT_MISSING') return undefined;
    throw error;
  }
}

async function afterAnswer(
  { registry, breaker, onAnswer }: HandlerParts,
  row: AnswerRow,
  delivery: Delivery,
  { aliases }: Claim,
  signal: AbortSignal,
): Promise<void> {
  breaker.note(row);
  onAnswer?.(row, delivery);
  const { tenant, call, revision } = row;
  if (!aliases.includes(ONE_CALL_ALIAS)) return;
  if (tenant === undefined || call === undefined || revision === undefined) return;
  await registry.removeOneCallSources(tenant, call, revision, signal);
}

function verdictOf(
  parts: HandlerParts,
  error: unknown,
  delivery: Delivery,
  claim: Claim,
  signal: AbortSignal,
): Verdict {
  if (signal.aborted) return { do: 'leave' };
  // Whoever did not hear of a commit asks the registry again when it is back; leaving would hold the call until the
  // next start.
  const code = codeOf(error) === 'COMMIT_UNKNOWN' ? 'REGISTRY_DOWN' : codeOf(error);
  switch (dispositionOf(code)) {
    case 'pause': {
      const scope = error instanceof CallsealError ? (error.scope ?? {}) : {};
      return { do: 'wait', resumed: parts.intake.pause(scope, code), code };
    }
    case 'retry':
      return handOver(parts, delivery, code);
    case 'stop':
      return { do: 'leave' };
    case 'bug':
    case 'park':
    case 'none':
    default:
      // A defect outside the path that parks: hold the tenant, or everybody, rather than spin or lose.
      return {
        do: 'wait',
        resumed: parts.intake.pause(claim.tenant === undefined ? {} : { tenant: claim.tenant }, 'BUG'),
        code: 'BUG',
      };
  }
}

function handOver({ now, retryDelayMs }: HandlerParts, delivery: Delivery, code: Code): Verdict {
  const counts = code !== 'ATTEMPT_LOST';
  return {
    do: 'hand-over',
    dueAt: new Date(now().getTime() + retryDelayMs),
    counted: delivery.counted + (counts ? 1 : 0),
    firstFailedAt: counts ? (delivery.firstFailedAt ?? now().toISOString()) : delivery.firstFailedAt,
    code,
  };
}
