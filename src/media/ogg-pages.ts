import { ByteWindow, pieces } from './byte-window.ts';
import { oggCrc } from './ogg-crc.ts';

const HEADER = 27;
const MAGIC = Buffer.from('OggS');

/** One page whose checksum holds. The views are valid during the callback only. */
export interface OggPage {
  /** Where it begins in the recording. */
  readonly offset: number;
  readonly bytes: number;
  /** Begins with the rest of a packet. */
  readonly continued: boolean;
  readonly first: boolean;
  readonly last: boolean;
  readonly serial: number;
  readonly sequence: number;
  /** Position of the last packet that ends here; undefined if none does. */
  readonly granule: number | undefined;
  readonly lacing: Buffer;
  readonly body: Buffer;
}

/**
 * Finds the pages of an Ogg stream and the way back to them behind damage (RFC 3533, 6):
 *
 *   'OggS' | version u8 = 0 | flags u8 | granule i64 | serial u32 | sequence u32 | CRC u32 | segments u8
 *   | a length u8 for each segment | their bytes                                 little endian, at most 65,307
 */
export class OggPages {
  readonly #window = new ByteWindow();
  readonly #onPage: (page: OggPage) => void;
  /** Not worth another look before so many bytes are unread. */
  #needed = HEADER;
  /** Bytes passed over since the last good page. */
  #passed = 0;
  /** Checksummed in vain. */
  #wasted = 0;
  skippedBytes = 0;
  checksumErrors = 0;
  /** Gave up: too many false pages that lie inside each other. */
  exhausted = false;

  constructor(onPage: (page: OggPage) => void) {
    this.#onPage = onPage;
  }

  push(bytes: Uint8Array): void {
    for (const piece of pieces(bytes)) {
      if (this.exhausted) return;
      this.#window.append(piece);
      while (!this.exhausted && this.#window.unreadBytes >= this.#needed) this.#step();
    }
  }

  /** The bytes behind the last good page, and whether they are the beginning of one more. */
  end(): { trailingBytes: number; cutPage: boolean } {
    const rest = this.#window.unread;
    const cutPage = rest.length > 0 && startsLikePage(rest);
    // A wrong length may have swallowed good pages: nothing more comes, so look for them inside.
    while (!this.exhausted && this.#window.unreadBytes > 0) {
      if (this.#window.unreadBytes < this.#needed) this.#pass(1);
      else this.#step();
    }
    return { trailingBytes: this.#passed, cutPage: cutPage && this.#passed === rest.length };
  }

  #step(): void {
    const unread = this.#window.unread;
    const at = unread.indexOf(MAGIC);
    if (at !== 0) return this.#pass(at < 0 ? Math.max(1, unread.length - (MAGIC.length - 1)) : at);
    const segments = unread.readUInt8(26);
    const isHeader = unread.readUInt8(4) === 0 && unread.readUInt8(5) <= 7;
    if (!isHeader) return this.#pass(1);
    const headerBytes = HEADER + segments;
    if (unread.length < headerBytes) return this.#wait(headerBytes);
    const bytes = headerBytes + sum(unread.subarray(HEADER, headerBytes));
    if (unread.length < bytes) return this.#wait(bytes);
    this.#judge(unread.subarray(0, bytes), headerBytes);
  }

  #judge(page: Buffer, headerBytes: number): void {
    if (oggCrc(page) !== page.readUInt32LE(22)) {
      this.checksumErrors += 1;
      this.#wasted += page.length;
      // A damaged page is checked once; only false pages inside false pages cost more than this.
      this.exhausted = this.#wasted > 2 ** 20 + 4 * this.#window.position;
      return this.#pass(1);
    }
    const flags = page.readUInt8(5);
    this.skippedBytes += this.#passed;
    this.#passed = 0;
    this.#onPage({
      offset: this.#window.position,
      bytes: page.length,
      continued: (flags & 1) !== 0,
      first: (flags & 2) !== 0,
      last: (flags & 4) !== 0,
      serial: page.readUInt32LE(14),
      sequence: page.readUInt32LE(18),
      granule: granuleOf(page),
      lacing: page.subarray(HEADER, headerBytes),
      body: page.subarray(headerBytes),
    });
    this.#window.consume(page.length);
    this.#needed = HEADER;
  }

  #wait(bytes: number): void {
    this.#needed = bytes;
  }

  #pass(bytes: number): void {
    this.#window.consume(bytes);
    this.#passed += bytes;
    this.#needed = HEADER;
  }
}

/** -1 says that no packet ends on the page. Counts beyond 2^53 stay comparable, if not exact. */
function granuleOf(page: Buffer): number | undefined {
  const granule = page.readBigInt64LE(6);
  return granule === -1n ? undefined : Number(granule);
}

function startsLikePage(bytes: Buffer): boolean {
  const length = Math.min(bytes.length, MAGIC.length);
  return bytes.subarray(0, length).equals(MAGIC.subarray(0, length));
}

function sum(lengths: Buffer): number {
  let total = 0;
  // Not for…of: on a Buffer it is many times slower.
  for (let at = 0; at < lengths.length; at += 1) total += lengths[at] ?? 0;
  return total;
}
