/** Sealing or opening so many bytes without letting anybody else run is enough. */
const TURN_BYTES = 1_048_576;

/**
 * Lets the event loop turn once in so many bytes. A source that only yields microtasks would keep timers,
 * sockets and the freeing of memory waiting.
 */
export function eventLoopTurns(): (bytes: number) => Promise<void> {
  let sinceTurn = 0;
  return async (bytes) => {
    sinceTurn += bytes;
    if (sinceTurn < TURN_BYTES) return;
    sinceTurn = 0;
    await new Promise((resolve) => setImmediate(resolve));
  };
}
