import { setTimeout as sleep } from 'node:timers/promises';

/** Patience for a machine that does much else: every step of a quiet one takes a second or two. */
const WITHIN_MS = 90_000;
const POLL_MS = 100;

/** Asks again and again until there is an answer. @param what - for the error: "the workers did not …" */
export async function until<Answer>(
  what: string,
  ask: () => Answer | undefined | Promise<Answer | undefined>,
  signal: AbortSignal,
): Promise<Answer> {
  for (const from = performance.now(); performance.now() - from < WITHIN_MS; ) {
    signal.throwIfAborted();
    const answer = await ask();
    if (answer !== undefined) return answer;
    await sleep(POLL_MS, undefined, { signal });
  }
  throw new Error(`${what} within ${WITHIN_MS / 1000} s`);
}
