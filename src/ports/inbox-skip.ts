import type { Place } from '../domain/deliveries.ts';

/** Steps over one record of an input topic that nobody can read: there are no bytes to answer. */
export interface InboxSkip {
  /**
   * Resolves where a record stands that cannot be read and is not done. Changes nothing.
   *
   * @throws CallsealError USAGE - the topic is no input
   * @throws CallsealError NOT_FOUND - there is no such partition, or no record at that offset
   * @throws CallsealError REFUSED - the record can be read, or is done already
   * @throws CallsealError INBOX_DOWN
   */
  look(place: Place, signal: AbortSignal): Promise<void>;
  /**
   * Marks it done, for good, when this resolves. Looks first. A worker that has the partition is fenced, finds the
   * mark and goes on behind it.
   *
   * @throws CallsealError as `look` does; INBOX_DOWN also where nobody knows what came of it: repeat it
   */
  skip(place: Place, signal: AbortSignal): Promise<void>;
  close(): Promise<void>;
}
