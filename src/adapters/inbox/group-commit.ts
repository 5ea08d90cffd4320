/**
 * Lets writers that are ready together share one transaction, and so one fsync, which is what a small transaction
 * costs. A writer waits for the end of the event loop's turn at most, or for the transaction before its own.
 *
 * @param write - carries out one batch in one transaction and returns a result per item, in order
 * @returns a function that resolves with its item's result when that is durable; where the transaction fails, every
 *   item of the batch is rejected with its error
 */
export function groupCommit<Item, Result>(
  write: (batch: readonly Item[]) => Promise<readonly Result[]>,
  limits: { readonly items: number },
): (item: Item) => Promise<Result> {
  const waiting: Waiting<Item, Result>[] = [];
  let writing = false;

  const drain = async (): Promise<void> => {
    while (waiting.length > 0) {
      const batch = waiting.splice(0, limits.items);
      try {
        const results = await write(batch.map(({ item }) => item));
        results.forEach((result, i) => batch[i]?.resolve(result));
      } catch (error) {
        for (const { reject } of batch) reject(error);
      }
      // Lets those whom this batch released join the next one.
      await endOfTurn();
    }
    writing = false;
  };
  return (item) =>
    new Promise((resolve, reject) => {
      waiting.push({ item, resolve, reject });
      if (writing) return;
      writing = true;
      void endOfTurn().then(drain);
    });
}

interface Waiting<Item, Result> {
  readonly item: Item;
  readonly resolve: (result: Result) => void;
  readonly reject: (error: unknown) => void;
}

/** Also what keeps a loop over promises that are already resolved from shutting timers and signals out. */
export function endOfTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
