/** Sizes of part buffers, bytes: a small object takes the smallest that holds it, a large one takes whole parts. */
const SIZE_CLASSES = [64 * 1024, 256 * 1024, 1024 * 1024, 4 * 1024 * 1024, 8 * 1024 * 1024] as const;

interface Waiting {
  readonly size: number;
  readonly give: (buffer: Buffer) => void;
  readonly refuse: (reason: unknown) => void;
}

export interface PartPool {
  /**
   * A buffer of the smallest size class that holds `bytes`, as soon as the budget allows; in order of asking.
   * Its contents are whatever was in it before. Rejects when `signal` aborts.
   */
  take(bytes: number, signal: AbortSignal): Promise<Buffer>;
  /** Gives a taken buffer back: exactly once, and not before nobody looks at it any more. */
  giveBack(buffer: Buffer): void;
  /** Bytes of buffers that are out now. */
  readonly bytesOut: number;
}

/**
 * Part buffers for all calls of the process under one budget in bytes: waiting for a buffer is the back-pressure
 * that keeps memory flat however long a call is and however many there are.
 *
 * Nobody may hold a full buffer while waiting for another one, unless that full buffer is on its way into the store.
 */
export function partPool(budgetBytes: number): PartPool {
  const free = new Map<number, Buffer[]>(SIZE_CLASSES.map((size) => [size, []]));
  const waiting: Waiting[] = [];
  let held = 0; // out and free together
  let out = 0;

  const find = (size: number): Buffer | undefined => {
    const ready = free.get(size)?.pop();
    if (ready) return ready;
    for (const [other, buffers] of free) {
      while (held + size > budgetBytes && buffers.length > 0) {
        buffers.pop();
        held -= other;
      }
    }
    // A budget below one buffer still lets one through: slow, not stuck.
    if (held + size > budgetBytes && out > 0) return undefined;
    held += size;
    return Buffer.allocUnsafeSlow(size);
  };
  const hand = (): void => {
    for (let next = waiting[0]; next; next = waiting[0]) {
      const buffer = find(next.size);
      if (!buffer) return;
      waiting.shift();
      out += buffer.length;
      next.give(buffer);
    }
  };

  return {
    get bytesOut() {
      return out;
    },
    take: async (bytes, signal) => {
      signal.throwIfAborted();
      const size = SIZE_CLASSES.find((candidate) => candidate >= bytes) ?? SIZE_CLASSES.at(-1) ?? bytes;
      const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
      const mine: Waiting = { size, give: resolve, refuse: reject };
      const giveUp = (): void => {
        const place = waiting.indexOf(mine);
        if (place < 0) return;
        waiting.splice(place, 1);
        mine.refuse(signal.reason);
        hand();
      };
      waiting.push(mine);
      signal.addEventListener('abort', giveUp, { once: true });
      hand();
      try {
        return await promise;
      } finally {
        signal.removeEventListener('abort', giveUp);
      }
    },
    giveBack: (buffer) => {
      out -= buffer.length;
      free.get(buffer.length)?.push(buffer);
      hand();
    },
  };
}
