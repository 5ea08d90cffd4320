import type { AnswerRow } from '../domain/answers.ts';
import type { Intake } from './intake.ts';

export interface BreakerOptions {
  /** So many bugs in a row, … */
  readonly inARow: number;
  /** … or this share of the last `over` answers, pauses the tenant; undecodable events pause everybody. */
  readonly ratio: number;
  readonly over: number;
  readonly probeAfterMs: number;
}

export interface BugBreaker {
  /** Counts an answer: parked as a bug, or not. */
  note(row: AnswerRow): void;
}

/** Our own defects are parked one by one; when they come in numbers, parking the rest would help nobody. */
export function bugBreaker(options: BreakerOptions, intake: Pick<Intake, 'pause'>): BugBreaker {
  const histories = new Map<string, boolean[]>();
  return {
    note: ({ tenant, park }) => {
      const name = tenant ?? '';
      const history = histories.get(name) ?? [];
      histories.set(name, history);
      history.push(park?.disposition === 'bug');
      if (history.length > options.over) history.shift();
      if (!isTripped(history, options)) return;
      histories.delete(name);
      const scope = tenant === undefined ? {} : { tenant };
      void intake.pause(scope, 'BUG', options.probeAfterMs);
    },
  };
}

function isTripped(history: readonly boolean[], { inARow, ratio, over }: BreakerOptions): boolean {
  const latest = history.slice(-inARow);
  if (latest.length === inARow && latest.every(Boolean)) return true;
  return history.length === over && history.filter(Boolean).length >= ratio * over;
}
