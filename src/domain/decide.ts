import type { Answer, Current, ParkReason } from './answers.ts';
import type { KeyClass } from './artifacts.ts';
import type { Code } from './errors.ts';

/**
 * The decision, as rules over what one registry transaction has read under the call's lock. The registry reads,
 * asks `judge`, writes; nothing here does I/O, and nothing else decides (docs/architecture.md, "The decision").
 */

export const ATTEMPT_STATES = ['open', 'won', 'lost', 'abandoned', 'unknown'] as const;
export type AttemptState = (typeof ATTEMPT_STATES)[number];

/** What the transaction found, all of it read after the call row was locked. */
export interface CallState {
  /** A tombstone of the call or of its tenant. */
  readonly shredded: boolean;
  /** Classes of this call with a tombstone of their own. */
  readonly shreddedClasses: readonly KeyClass[];
  /** Revision and generation of the current receipt. */
  readonly current: { readonly revision: number; readonly generation: number } | undefined;
  /** Highest revision that was refused for CONSENT_DENIED. */
  readonly deniedRevision: number | undefined;
  /** The event digest of this revision's receipt, where there is one. */
  readonly receiptEventDigest: string | undefined;
  /** State of the attempt that asks; undefined where none was opened. */
  readonly attempt: AttemptState | undefined;
  /** Whether every carried-over artifact still stands in the current receipt: same object, same key, key present. */
  readonly carriedStillThere: boolean;
}

/** What the worker wants the delivery to come to. */
export type Wish =
  | { readonly kind: 'seal'; readonly warnings: boolean }
  | { readonly kind: 'refuse'; readonly code: 'CONSENT_DENIED' }
  | { readonly kind: 'park'; readonly reason: ParkReason }
  /** Nothing was sealed, since the rules seemed to answer already. */
  | { readonly kind: 'none' };

export interface Asked {
  readonly revision: number;
  readonly eventDigest: string;
  readonly wish: Wish;
}

export type Judgement =
  | { readonly answer: 'sealed' | 'sealed-with-warnings' }
  | { readonly answer: Exclude<Answer, 'sealed' | 'sealed-with-warnings'>; readonly code: Code | undefined }
  /** The attempt is lost: start the delivery again at once, without counting. */
  | { readonly answer: 'start-again' };

export interface Rule {
  readonly name: string;
  readonly judge: (state: CallState, asked: Asked) => Judgement | undefined;
}

/** In order; the first that answers decides. */
export const RULES: readonly Rule[] = [
  {
    name: 'a shredded call never comes back',
    judge: (state) => (state.shredded ? { answer: 'refused', code: 'CALL_SHREDDED' } : undefined),
  },
  {
    name: 'a lower revision than the current receipt is superseded',
    judge: (state, asked) =>
      state.current && asked.revision < state.current.revision
        ? { answer: 'superseded', code: 'REVISION_LOWER' }
        : undefined,
  },
  {
    name: 'a lower revision than a denied consent is superseded',
    judge: (state, asked) =>
      state.deniedRevision !== undefined && asked.revision < state.deniedRevision
        ? { answer: 'superseded', code: 'REVISION_LOWER' }
        : undefined,
  },
  {
    name: 'the same revision with the same event is a duplicate',
    judge: (state, asked) =>
      state.receiptEventDigest === asked.eventDigest ? { answer: 'duplicate', code: undefined } : undefined,
  },
  {
    name: 'the same revision with another event is parked',
    judge: (state) =>
      state.receiptEventDigest === undefined ? undefined : { answer: 'parked', code: 'REVISION_REUSED' },
  },
  {
    name: 'denied consent is refused',
    judge: (_, { wish }) =>
      wish.kind === 'refuse' ? { answer: 'refused', code: 'CONSENT_DENIED' } : undefined,
  },
  {
    name: 'what fails for ever is parked',
    judge: (_, { wish }) => (wish.kind === 'park' ? { answer: 'parked', code: wish.reason.code } : undefined),
  },
  {
    name: 'only an open attempt may win',
    judge: (state) => (state.attempt === 'open' ? undefined : { answer: 'start-again' }),
  },
  {
    name: 'what is carried over must still stand in the current receipt',
    judge: (state) => (state.carriedStillThere ? undefined : { answer: 'start-again' }),
  },
  {
    name: 'what was sealed is sealed',
    judge: (_, { wish }) =>
      wish.kind === 'seal' ? { answer: wish.warnings ? 'sealed-with-warnings' : 'sealed' } : undefined,
  },
];

export function judge(state: CallState, asked: Asked, rules: readonly Rule[] = RULES): Judgement {
  for (const rule of rules) {
    const judgement = rule.judge(state, asked);
    if (judgement) return judgement;
  }
  return { answer: 'start-again' };
}

/** The truth about the call after a decision. */
export function currentAfter(
  state: CallState,
  judgement: Judgement,
  asked: { readonly revision: number; readonly generation: number },
): Current {
  if (state.shredded) return 'shredded';
  if (judgement.answer === 'sealed' || judgement.answer === 'sealed-with-warnings') {
    return { revision: asked.revision, generation: asked.generation };
  }
  return state.current ?? 'none';
}
