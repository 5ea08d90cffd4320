import { names } from './access.ts';
import type { KeyStore } from './key-store.ts';

export const EFFECTS = ['throttle', 'internal-error', 'delay', 'drop-request', 'drop-reply'] as const;

/**
 * Something that goes wrong on demand.
 *
 *   throttle        ThrottlingException, nothing is done
 *   internal-error  KMSInternalException, nothing is done
 *   delay           the work starts `delayMs` later
 *   drop-request    the connection is closed, nothing is done
 *   drop-reply      the work is done and logged, then the connection is closed
 */
export interface Fault {
  readonly effect: (typeof EFFECTS)[number];
  /** `*` or left out: every operation, role or key. A key is an alias, id or ARN. */
  readonly operation?: string;
  readonly role?: string;
  readonly key?: string;
  readonly delayMs?: number;
  /** How often it happens; left out: until the faults are replaced. */
  readonly times?: number;
}

export interface FaultTarget {
  readonly operation: string;
  readonly role: string;
  /** As the request names it; undefined where it names none. */
  readonly key: string | undefined;
}

/** The faults in force. Replaced as a whole; each request takes at most one, the first that fits. */
export class Faults {
  #rules: { fault: Fault; left: number }[] = [];

  replace(faults: readonly Fault[]): void {
    this.#rules = faults.map((fault) => ({ fault, left: fault.times ?? Number.POSITIVE_INFINITY }));
  }

  inForce(): readonly Fault[] {
    return this.#rules
      .filter(({ left }) => left > 0)
      .map(({ fault, left }) => (Number.isFinite(left) ? { ...fault, times: left } : fault));
  }

  take(target: FaultTarget, store: KeyStore): Fault | undefined {
    const rule = this.#rules.find(({ fault, left }) => left > 0 && fits(fault, target, store));
    if (rule) rule.left -= 1;
    return rule?.fault;
  }
}

function fits(
  { operation = '*', role = '*', key = '*' }: Fault,
  target: FaultTarget,
  store: KeyStore,
): boolean {
  if (operation !== '*' && operation !== target.operation) return false;
  if (role !== '*' && role !== target.role) return false;
  return key === '*' || (target.key !== undefined && sameKey(key, target.key, store));
}

function sameKey(key: string, asked: string, store: KeyStore): boolean {
  try {
    return names(key, store.find(asked), store);
  } catch {
    return false;
  }
}
