import type { AnswerRow } from '../domain/answers.ts';
import type { Code } from '../domain/errors.ts';
import type { Backlog, Inbox } from '../ports/inbox.ts';
import type { Paused } from '../ports/metrics.ts';
import type { AuditLog, Catalogue } from '../ports/registry.ts';
import type { Health, Phase } from './health.ts';
import { scopeWord } from './metrics.ts';
import { type Sample, type SampleOptions, sampled } from './status-page-sample.ts';

/** What the admin address tells: numbers, codes, times, and the ids of tenants that wait. */
export interface Status {
  readonly version: string;
  readonly profile: string;
  readonly at: string;
  readonly phase: Phase;
  readonly health: Health;
  readonly inFlight: { readonly calls: number; readonly bytes: number };
  readonly paused: readonly PausedLine[];
  readonly inbox: (Backlog & { readonly oldestSeconds: number }) | Unreadable;
  readonly parked: Parked | Unreadable;
}

/** Which alias of a tenant waits is in the log; here it is only that one does. */
export interface PausedLine {
  readonly scope: string;
  readonly tenant: string | undefined;
  readonly code: Code;
  readonly since: string;
}

export interface Parked {
  readonly causes: readonly ParkedCause[];
  /** More are parked than were looked at: counts are "at least", and the oldest may be older. */
  readonly more: boolean;
}

export interface ParkedCause {
  readonly code: string;
  readonly count: number;
  readonly oldestAt: string;
  readonly oldestSeconds: number;
}

export interface Unreadable {
  readonly unreadable: Code | 'TIMEOUT' | 'STARTING';
}

export interface StatusReads {
  readonly inbox: Pick<Inbox, 'backlog'>;
  readonly registry: Pick<Catalogue, 'answers'> & Pick<AuditLog, 'pending'>;
}

/** Parked answers are counted up to here, as `callseal status` does. */
const LOOKED_AT = 1000;
const SAMPLE: SampleOptions = { keepMs: 5_000, withinMs: 2_000 };

/** Reads for the status page and the scrape, at most one of each in five seconds, once there is what to read from. */
export function statusReader(now: () => number) {
  let samples: ReturnType<typeof samplesOf> | undefined;
  return {
    opened: (reads: StatusReads): void => {
      samples = samplesOf(reads);
    },
    inbox: async (): Promise<Status['inbox']> =>
      samples ? inboxStatus(await samples.backlog(), now()) : { unreadable: 'STARTING' },
    parked: async (): Promise<Status['parked']> =>
      samples ? parkedStatus(await samples.parked(), now()) : { unreadable: 'STARTING' },
    /** Audit events that are not published yet; undefined where the registry cannot be read. */
    auditWaiting: async (): Promise<number | undefined> => {
      const sample = await samples?.pending();
      return sample?.ok ? sample.value.unsequenced + sample.value.unpublished : undefined;
    },
  };
}

function samplesOf({ inbox, registry }: StatusReads) {
  const parked = { answer: 'parked', limit: LOOKED_AT } as const;
  return {
    backlog: sampled(async (signal) => await inbox.backlog(signal), SAMPLE),
    pending: sampled(async (signal) => await registry.pending(signal), SAMPLE),
    parked: sampled(async (signal) => await registry.answers(parked, signal), SAMPLE),
  };
}

export function inboxStatus(sample: Sample<Backlog>, nowMs: number): Status['inbox'] {
  if (!sample.ok) return { unreadable: sample.code };
  return { ...sample.value, oldestSeconds: secondsSince(sample.value.oldestAt, nowMs) };
}

export function parkedStatus(sample: Sample<readonly AnswerRow[]>, nowMs: number): Status['parked'] {
  if (!sample.ok) return { unreadable: sample.code };
  const causes = Map.groupBy(sample.value, ({ park, code }) => park?.code ?? code ?? 'BUG');
  return {
    causes: [...causes]
      .map(([code, rows]) => parkedCause(code, rows, nowMs))
      .toSorted((a, b) => b.count - a.count || (a.code < b.code ? -1 : 1)),
    more: sample.value.length === LOOKED_AT,
  };
}

function parkedCause(code: Code, rows: readonly AnswerRow[], nowMs: number): ParkedCause {
  const oldestAt = rows.map(({ decidedAt }) => decidedAt).reduce((a, b) => (a < b ? a : b));
  return { code, count: rows.length, oldestAt, oldestSeconds: secondsSince(oldestAt, nowMs) };
}

export function pausedLine({ code, since, ...scope }: Paused): PausedLine {
  return { scope: scopeWord(scope), tenant: scope.tenant, code, since: since.toISOString() };
}

/** Whole seconds; never below 0, whatever two clocks say. */
export function secondsSince(at: string | undefined, nowMs: number): number {
  return at === undefined ? 0 : Math.max(0, Math.floor((nowMs - Date.parse(at)) / 1000));
}
