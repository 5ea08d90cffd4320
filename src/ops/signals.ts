import { EXIT } from '../domain/errors.ts';

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

export interface StopSignals {
  /** Aborts on the first signal: finish what is in hand. */
  readonly signal: AbortSignal;
  /** Gives the signals back to the process; a test needs it. */
  release(): void;
}

interface Process {
  on(signal: NodeJS.Signals, listener: () => void): unknown;
  off(signal: NodeJS.Signals, listener: () => void): unknown;
  exit(code: number): unknown;
}

/** The first signal drains, the second leaves at once: everything here is safe to be killed. */
export function stopSignals(process: Process, onFirst: () => void): StopSignals {
  const stop = new AbortController();
  const heard = (): void => {
    if (stop.signal.aborted) {
      process.exit(EXIT.interrupted);
      return;
    }
    stop.abort();
    onFirst();
  };
  for (const name of SIGNALS) process.on(name, heard);
  return {
    signal: stop.signal,
    release: () => {
      for (const name of SIGNALS) process.off(name, heard);
    },
  };
}
