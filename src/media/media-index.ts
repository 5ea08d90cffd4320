import type { MediaFacts } from '../domain/media.ts';
import type { IndexEntries } from './index-entries.ts';

/** How the bytes of a recording lie, as far as cutting needs it (docs/index-format.md). */
export type MediaLayout =
  /** Samples of one size: time is arithmetic, no entries. */
  | { readonly kind: 'frames'; readonly frameBytes: number }
  /** Entries are pages of this stream. A packet that ends there but began before is not read: it lies before the entry. */
  | {
      readonly kind: 'ogg';
      readonly serial: number;
      readonly head: OpusHeadBase64;
      readonly entries: IndexEntries;
    }
  /** Entries are clusters; a tick is `scaleNs` nanoseconds. */
  | {
      readonly kind: 'matroska';
      readonly track: number;
      readonly scaleNs: number;
      readonly head: OpusHeadBase64;
      readonly entries: IndexEntries;
    }
  /** Entries are lengths, of 2 or 4 bytes. */
  | {
      readonly kind: 'opus-packets';
      readonly lengthBytes: 2 | 4;
      readonly littleEndian: boolean;
      readonly head: OpusHeadBase64;
      readonly entries: IndexEntries;
    };

/** The identification header as it goes into a file that is cut out (RFC 7845, 5.1). */
type OpusHeadBase64 = string;

/** Second to byte: what it takes to fetch a part of a recording and make a playable file of it. Plain JSON. */
export interface MediaIndex {
  readonly version: 1;
  readonly facts: MediaFacts;
  readonly layout: MediaLayout;
}
