/** Something that was opened; `name` says what in the sentence of a failure. */
export interface Closable {
  readonly name: string;
  close(): Promise<void>;
}

/**
 * Closes in reverse order of opening, all of them, within `withinMs` together. What hangs is left behind and counted
 * as a failure: the process ends anyway.
 *
 * @throws AggregateError - every failure, in the order it happened
 */
export async function closeAll(opened: readonly Closable[], withinMs: number): Promise<void> {
  const failures: Error[] = [];
  const deadline = AbortSignal.timeout(withinMs);
  for (const part of opened.toReversed()) {
    try {
      await beforeDeadline(part, deadline);
    } catch (cause) {
      failures.push(new Error(`closing ${part.name}`, { cause }));
    }
  }
  if (failures.length > 0) throw new AggregateError(failures, 'closing was not clean');
}

async function beforeDeadline(part: Closable, deadline: AbortSignal): Promise<void> {
  const late = Promise.withResolvers<never>();
  const onLate = (): void => late.reject(new Error(`${part.name} took too long`));
  // An expired deadline fires no event any more; what closes without waiting for anything still gets to do so.
  if (deadline.aborted) setImmediate(onLate);
  else deadline.addEventListener('abort', onLate, { once: true });
  try {
    await Promise.race([part.close(), late.promise]);
  } finally {
    deadline.removeEventListener('abort', onLate);
  }
}
