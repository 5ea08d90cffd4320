import type { Delivery } from '../../domain/deliveries.ts';
import type { Handler, Verdict } from '../../ports/inbox.ts';
import type { LaneItem, Lanes } from './lanes.ts';
import { type Listening, POLL_MS } from './news.ts';

/** What the pump needs of a store of records. */
export interface PumpSource<Item extends LaneItem> {
  /** Adds what is due to the lanes. `look`: look for new records too, not only for more of those seen. */
  refill(lanes: Lanes<Item>, look: boolean): Promise<void>;
  load(item: Item): Promise<Delivery>;
  /** Makes a `settle` or a `hand-over` durable. */
  commit(delivery: Delivery, verdict: Done): Promise<void>;
}

export type Done = Extract<Verdict, { do: 'settle' | 'hand-over' }>;

export interface Pump<Item extends LaneItem> {
  readonly lanes: Lanes<Item>;
  readonly source: PumpSource<Item>;
  readonly handle: Handler;
  /** Announces new records. */
  readonly news: Listening;
  readonly untilIdle: boolean;
}

/** `Inbox.run` over a source: deliver what the lanes allow, carry out verdicts, until told to stop. */
export async function pump<Item extends LaneItem>(options: Pump<Item>, signal: AbortSignal): Promise<void> {
  const { lanes, source, handle, news, untilIdle } = options;
  const { bell } = news;
  const failures: unknown[] = [];
  const failed = new AbortController();
  const stop = AbortSignal.any([signal, failed.signal]);
  stop.addEventListener('abort', bell.ring);
  const fail = (error: unknown): void => {
    failures.push(error);
    failed.abort();
  };

  const carryOut = async (item: Item, delivery: Delivery, verdict: Verdict): Promise<void> => {
    if (verdict.do === 'leave') return lanes.leave(item);
    if (verdict.do !== 'wait') {
      await source.commit(delivery, verdict);
      return lanes.finish(item);
    }
    lanes.hold(item);
    const release = (): void => {
      lanes.release(item);
      bell.ring();
    };
    // A pause that ends with an error is over too: the next delivery finds out what is wrong.
    verdict.resumed.then(release, release);
  };
  const deliver = async (item: Item): Promise<void> => {
    const delivery = await source.load(item);
    if (stop.aborted) return lanes.leave(item);
    await carryOut(item, delivery, await handle(delivery, stop));
  };

  const inHand = new Set<Promise<void>>();
  const start = (item: Item): void => {
    const running = deliver(item)
      .catch(fail)
      .finally(() => {
        inHand.delete(running);
        bell.ring();
      });
    inHand.add(running);
  };

  let lookedAt = Number.NEGATIVE_INFINITY;
  while (!stop.aborted) {
    const look = news.heard() || lanes.idle() || performance.now() - lookedAt >= POLL_MS;
    if (look) lookedAt = performance.now();
    await source.refill(lanes, look).catch(fail);
    if (stop.aborted || (untilIdle && lanes.idle())) break;
    for (let item = lanes.take(); item; item = lanes.take()) start(item);
    await bell.wait(POLL_MS);
  }
  await Promise.all(inHand);
  // The others follow from the first: one failed transaction rejects every record in it.
  if (failures.length > 0) throw failures[0];
}
