import type { Code } from '../domain/errors.ts';

/** `ended`: the worker stopped working while its process is still there, closing what it opened. */
export type Phase = 'starting' | 'working' | 'stopping' | 'ended';

/** What health is judged by. */
export interface HealthFacts {
  readonly phase: Phase;
  /** Deliveries that the handler has. */
  readonly inHand: number;
  /** Milliseconds since anything began, ended or moved. */
  readonly sinceMovedMs: number;
  /** Why everybody waits; a pause of one tenant or alias is no matter of health. */
  readonly pausedForAll: readonly Code[];
}

/** STUCK and the rest are of health alone; a pause gives its own code. */
export type Reason = 'STARTING' | 'STOPPING' | 'ENDED' | 'STUCK' | Code;

/** Healthy where no reason is given. */
export interface Health {
  /** Should this process be killed and started anew? */
  readonly live: readonly Reason[];
  /** Does it take deliveries now? */
  readonly ready: readonly Reason[];
  /** Has it begun to work? Before that, nobody should judge it live or ready. */
  readonly started: readonly Reason[];
}

/**
 * Above every timeout of a request and every wait between two tries. An unreachable dependency keeps failing, which
 * is movement: restarting the worker would not bring it back.
 */
export const STUCK_AFTER_MS = 10 * 60_000;

export function judgeHealth({ phase, inHand, sinceMovedMs, pausedForAll }: HealthFacts): Health {
  const dead: Reason[] = [];
  if (phase === 'ended') dead.push('ENDED');
  else if (inHand > 0 && sinceMovedMs > STUCK_AFTER_MS) dead.push('STUCK');
  return {
    live: dead,
    ready: [...new Set([...(NOT_TAKING[phase] ?? []), ...dead, ...pausedForAll])],
    started: phase === 'starting' ? ['STARTING'] : [],
  };
}

const NOT_TAKING: Readonly<Partial<Record<Phase, readonly Reason[]>>> = {
  starting: ['STARTING'],
  stopping: ['STOPPING'],
};
