import type { Output, OutputTopic } from '../domain/outputs.ts';

export interface PublishedRecord extends Output {
  /** Where it stands; a reader that stops can go on after it. Opaque, ordered within a topic partition. */
  readonly position: string;
}

export interface ReadOptions {
  /** Go on waiting for new records at the end. */
  readonly follow: boolean;
  /** Only what stands behind this position. */
  readonly after?: string;
  /**
   * Leaves out what was published before, as far as the topic knows when that was. Not with `after`. Without `follow`
   * it gives all that is there, or fails with INBOX_DOWN.
   */
  readonly since?: Date;
}

/** What is published without a delivery (the audit relay), and readers of every output. */
export interface Events {
  /**
   * Publishes in the given order; durable when it resolves. When it rejects, a prefix may have been published:
   * the caller publishes the same records again, with the same ids.
   *
   * @throws CallsealError INBOX_DOWN
   */
  publish(outputs: readonly Output[], signal: AbortSignal): Promise<void>;
  /** Committed records of a topic from its start, in order per partition. Ends at the end unless `follow`. */
  read(topic: OutputTopic, options: ReadOptions, signal: AbortSignal): AsyncIterable<PublishedRecord>;
  /** The last record of a topic, for the audit head. */
  last(topic: OutputTopic, signal: AbortSignal): Promise<PublishedRecord | undefined>;
  close(): Promise<void>;
}
