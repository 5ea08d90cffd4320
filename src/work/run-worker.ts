import { setTimeout as sleep } from 'node:timers/promises';
import type { AuditFact } from '../domain/audit-event.ts';
import type { Handler, Inbox } from '../ports/inbox.ts';
import type { AuditLog, Decisions } from '../ports/registry.ts';
import type { Auditor } from './auditor.ts';

const TOUCH_EVERY_MS = 60_000;
/** For the last words of a worker that is leaving. */
const LAST_WORDS_MS = 10_000;

export interface WorkerParts {
  readonly inbox: Inbox;
  readonly registry: Pick<Decisions, 'touchAttempts'> & Pick<AuditLog, 'append'>;
  readonly handler: Handler;
  readonly auditor: Auditor;
  readonly openAttempts: ReadonlySet<string>;
  /** How long what is in hand may take to end after the signal; then it is left for whoever is next. */
  readonly drainMs: number;
  readonly relay: {
    /** Chains and publishes audit events until `signal` aborts; waits out a dependency that is away. */
    readonly run: (signal: AbortSignal) => Promise<void>;
    /** Publishes what is pending and lets the lease go. */
    readonly finish: (signal: AbortSignal) => Promise<void>;
  };
  /** What comes again by itself; not for a worker that ends once it is idle. Never rejects. */
  readonly schedules?: (signal: AbortSignal) => Promise<void>;
}

/**
 * Works through the inbox until `signal` aborts, or with `untilIdle` until nothing is due; beside it keeps the open
 * attempts alive, relays audit events, its own last one included, and runs schedules.
 */
export async function runWorker(
  parts: WorkerParts,
  options: { readonly untilIdle: boolean },
  signal: AbortSignal,
): Promise<void> {
  await note(parts, 'worker.start');
  const ended = new AbortController();
  const beside = AbortSignal.any([signal, ended.signal]);
  const touching = touchAttempts(parts, beside);
  const mute = new AbortController();
  const until = AbortSignal.any([signal, mute.signal]);
  const drain = drainAfter(until, parts.drainMs);
  const relaying = parts.relay.run(beside);
  // Awaited below. Without a relay nothing that is decided would ever be told: the worker ends too.
  relaying.catch(() => mute.abort());
  const scheduling = options.untilIdle ? undefined : parts.schedules?.(beside);
  try {
    await parts.inbox.run(async (delivery) => await parts.handler(delivery, drain.signal), options, until);
  } finally {
    drain.release();
    ended.abort();
    await touching;
    await scheduling;
  }
  await relaying;
  await note(parts, 'worker.stop');
  await parts.relay.finish(AbortSignal.timeout(LAST_WORDS_MS));
}

/** Aborts `drainMs` after `signal` does. */
function drainAfter(signal: AbortSignal, drainMs: number): { signal: AbortSignal; release(): void } {
  const late = new AbortController();
  let timer: NodeJS.Timeout | undefined;
  const start = (): void => {
    timer = setTimeout(() => late.abort(), drainMs);
  };
  if (signal.aborted) start();
  else signal.addEventListener('abort', start, { once: true });
  return {
    signal: late.signal,
    release: () => {
      clearTimeout(timer);
      signal.removeEventListener('abort', start);
    },
  };
}

async function note({ registry, auditor }: WorkerParts, action: AuditFact['action']): Promise<void> {
  await registry.append([auditor.fact(action)], AbortSignal.timeout(LAST_WORDS_MS));
}

/** A minute missed while the registry is away does no harm: an attempt is given up after a day. */
async function touchAttempts({ registry, openAttempts }: WorkerParts, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    await sleep(TOUCH_EVERY_MS, undefined, { signal, ref: false }).catch(() => undefined);
    if (signal.aborted || openAttempts.size === 0) continue;
    await registry.touchAttempts([...openAttempts], signal).catch(() => undefined);
  }
}
