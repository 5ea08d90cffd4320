import type { AnswerRow, Current, ParkReason } from '../../domain/answers.ts';
import { canonical } from '../../domain/canonical.ts';
import { type DecisionFacts, outcomeOf } from '../../domain/outcome.ts';
import type { LockedCall } from './call-row.ts';

export type AnswerIdentity = Pick<
  AnswerRow,
  'uid' | 'origin' | 'replay' | 'arrival' | 'deliveredDigest' | 'decidedAt'
>;

export interface CallDecision
  extends Pick<DecisionFacts, 'tenant' | 'call' | 'revision' | 'answer' | 'code'> {
  readonly current: Current;
  readonly timings?: DecisionFacts['timings'];
  readonly sealed?: DecisionFacts['sealed'];
  readonly park?: ParkReason | undefined;
}

/** The answer's row with the outcome that every settle of it will publish; a duplicate has none. */
export function decisionRow(identity: AnswerIdentity, locked: LockedCall, decision: CallDecision): AnswerRow {
  const { current, park, sealed, timings, ...facts } = decision;
  const { callUid, sequence, epoch: registryEpoch } = locked;
  const outcome = outcomeOf({ ...facts, callUid, sequence, registryEpoch, current, sealed, timings });
  return {
    ...identity,
    ...facts,
    callUid,
    sequence,
    registryEpoch,
    generation: sealed?.receipt.generation,
    park,
    outcome: decision.answer === 'duplicate' ? undefined : canonical(outcome),
  };
}
