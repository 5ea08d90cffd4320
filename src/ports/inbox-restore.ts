import type { Place } from '../domain/deliveries.ts';

/** A delivery by what its answer is filed under. */
export interface DeliveryRef {
  readonly origin: Place;
  readonly replay: number;
}

export interface HandOverProgress {
  /** Done records that were looked at. */
  readonly looked: number;
  /** Of them, those that were handed over to the retry topic. */
  readonly handedOver: number;
}

/**
 * What is done to the inbox after the registry behind its done-marks was put back: its marks speak of answers that
 * the registry has forgotten (docs/architecture.md, "A registry that went back").
 */
export interface InboxRestore {
  /** Whoever takes deliveries now, each in words that let an operator find it. */
  members(signal: AbortSignal): Promise<readonly string[]>;
  /**
   * When this resolves, whoever took deliveries before can settle nothing any more, however long it has slept.
   *
   * @throws CallsealError WORKER_RUNNING, INBOX_DOWN
   */
  fence(signal: AbortSignal): Promise<void>;
  /**
   * Hands every record that is marked done, still there, and whose delivery has no answer over to the retry topic,
   * with its origin and replay number, and with an arrival of its own: an older record of the same delivery may still
   * be on its way, and of the two only the one that decides may publish.
   *
   * A delivery that a waiting retry or replay record carries is left to that one, so running it again, also after
   * `kill -9`, hands over what is missing. To be called after `fence`.
   *
   * @param answered - whether each delivery has its answer; asked for a few hundred at a time
   * @param onProgress - told again and again
   * @throws CallsealError INBOX_DOWN - part of it may have been handed over
   */
  handOverUnanswered(
    answered: (deliveries: readonly DeliveryRef[]) => Promise<readonly boolean[]>,
    onProgress: (progress: HandOverProgress) => void,
    signal: AbortSignal,
  ): Promise<HandOverProgress>;
  /** Lets go of what `fence` holds. */
  close(): Promise<void>;
}
