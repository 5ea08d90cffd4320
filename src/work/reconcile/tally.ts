import type {
  Compared,
  InFlight,
  ReconcileCode,
  ReconcileFinding,
  ReconcileReport,
  Whereabouts,
} from './findings.ts';

/** Told of each difference as it is found: none is kept, so there may be any number. */
export interface ReconcileWatcher {
  finding?(finding: ReconcileFinding): Promise<void> | void;
  inFlight?(what: InFlight): Promise<void> | void;
  progress?(what: Compared, count: number): void;
}

export interface Tally {
  compared(what: Compared, count?: number): void;
  find(code: ReconcileCode, where: Whereabouts): Promise<void>;
  inFlight(what: InFlight): Promise<void>;
  repeated(): void;
  unjudged(): void;
  report(): ReconcileReport;
}

export function createTally(since: Date, until: Date, watcher: ReconcileWatcher): Tally {
  const compared: Record<Compared, number> = {
    events: 0,
    answers: 0,
    outputs: 0,
    receipts: 0,
    keys: 0,
    objects: 0,
    sources: 0,
  };
  const byCode: Partial<Record<ReconcileCode, number>> = {};
  const counts = { findings: 0, inFlight: 0, oldestInFlightMs: 0, repeated: 0, unjudged: 0 };
  return {
    compared: (what, count = 1) => {
      compared[what] += count;
      watcher.progress?.(what, compared[what]);
    },
    find: async (code, where) => {
      byCode[code] = (byCode[code] ?? 0) + 1;
      counts.findings++;
      await watcher.finding?.({ code, ...where });
    },
    inFlight: async (what) => {
      counts.inFlight++;
      counts.oldestInFlightMs = Math.max(counts.oldestInFlightMs, what.ageMs);
      await watcher.inFlight?.(what);
    },
    repeated: () => void counts.repeated++,
    unjudged: () => void counts.unjudged++,
    report: () => ({
      since: since.toISOString(),
      until: until.toISOString(),
      compared: { ...compared },
      byCode: { ...byCode },
      ...counts,
    }),
  };
}
