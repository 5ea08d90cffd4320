import { type Code, codeOf } from '../domain/errors.ts';

/** What was read, or why it could not be. */
export type Sample<T> =
  | { readonly ok: true; readonly value: T }
  | { readonly ok: false; readonly code: Code | 'TIMEOUT' };

export interface SampleOptions {
  /** A sample is given again for so long: scrapes and reloads do not read the registry in numbers. */
  readonly keepMs: number;
  /** Whoever asks waits at most this long. */
  readonly withinMs: number;
}

/** Reads at most once at a time, however many ask, also while a read hangs. */
export function sampled<T>(
  read: (signal: AbortSignal) => Promise<T>,
  { keepMs, withinMs }: SampleOptions,
): () => Promise<Sample<T>> {
  let kept: { readonly at: number; readonly sample: Sample<T> } | undefined;
  let running: Promise<Sample<T>> | undefined;
  const readNow = async (): Promise<Sample<T>> => {
    const sample = await sampleOf(() => read(AbortSignal.timeout(withinMs)));
    kept = { at: performance.now(), sample };
    running = undefined;
    return sample;
  };
  return async () => {
    if (kept && performance.now() - kept.at < keepMs) return kept.sample;
    running ??= readNow();
    return await orLate(running, withinMs);
  };
}

async function sampleOf<T>(read: () => Promise<T>): Promise<Sample<T>> {
  try {
    return { ok: true, value: await read() };
  } catch (error) {
    const isLate = error instanceof Error && error.name === 'TimeoutError';
    return { ok: false, code: isLate ? 'TIMEOUT' : codeOf(error) };
  }
}

/** An adapter may be slower to notice its signal than whoever asks is patient. */
async function orLate<T>(sample: Promise<Sample<T>>, withinMs: number): Promise<Sample<T>> {
  const late = Promise.withResolvers<Sample<T>>();
  const timer = setTimeout(() => late.resolve({ ok: false, code: 'TIMEOUT' }), withinMs);
  try {
    return await Promise.race([sample, late.promise]);
  } finally {
    clearTimeout(timer);
  }
}
