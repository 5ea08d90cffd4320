import { ByteWindow, pieces } from './byte-window.ts';
import { readVarInt, UNKNOWN_SIZE, varIntBytes } from './ebml-number.ts';
import { ENDS_CLUSTER, ID, PARENT_OF, READ } from './matroska-ids.ts';

/** At most so much of one element's body is held; the rest of a longer one is passed over. */
const BODY_BYTES = 2 ** 18;
const CLUSTER_ID = Buffer.from('1f43b675', 'hex');

export interface EbmlVisitor {
  enter(id: number, offset: number): void;
  leave(id: number): void;
  /** `body` is valid during the call only, and shorter than `size` where that is over the limit. */
  value(id: number, body: Buffer, size: number, offset: number): void;
}

interface Open {
  readonly id: number;
  /** Where it ends in the recording; infinite while unknown. */
  readonly end: number;
}

interface Header {
  readonly id: number;
  readonly size: number;
  readonly bytes: number;
}

/**
 * Walks the elements of a WebM or Matroska file: `id, size, body`, nested (RFC 8794). What does not fit its
 * parent, or is no element at all, is damage: the walk goes on at the next cluster.
 */
export class EbmlWalker {
  readonly #window = new ByteWindow();
  readonly #visitor: EbmlVisitor;
  readonly #open: Open[] = [];
  /** Bytes of a body still to pass over. */
  #skip = 0;
  #needed = 1;
  #isLost = false;
  #isBehindEnd = false;
  skippedBytes = 0;
  trailingBytes = 0;

  constructor(visitor: EbmlVisitor) {
    this.#visitor = visitor;
  }

  /** For a part of a file that begins at a cluster. */
  static inSegment(visitor: EbmlVisitor): EbmlWalker {
    const walker = new EbmlWalker(visitor);
    walker.#open.push({ id: ID.segment, end: UNKNOWN_SIZE });
    return walker;
  }

  push(bytes: Uint8Array): void {
    for (const piece of pieces(bytes)) {
      const wanted = piece.subarray(this.#passOver(piece.length));
      if (wanted.length === 0) continue;
      this.#window.append(wanted);
      while (this.#window.unreadBytes >= this.#needed) this.#step();
    }
  }

  /** Whether the file ends inside something that should go on, and whether it need not have said so. */
  end(): { isCut: boolean; isOpenEnded: boolean } {
    if (this.#isLost) this.skippedBytes += this.#window.unreadBytes;
    const isInside = !this.#isLost && (this.#skip > 0 || this.#window.unreadBytes > 0);
    this.#leaveEnded();
    const isCut = isInside || this.#open.some(({ end }) => end !== UNKNOWN_SIZE);
    const isOpenEnded = this.#open.length > 0 && !isCut;
    while (this.#open.length > 0) this.#leaveLast();
    return { isCut, isOpenEnded };
  }

  /** Takes what it can of a long body off a piece before it is copied. Returns how much. */
  #passOver(available: number): number {
    if (this.#skip === 0 || this.#window.unreadBytes > 0) return 0;
    const count = Math.min(this.#skip, available);
    this.#window.skip(count);
    this.#skip -= count;
    return count;
  }

  #step(): void {
    this.#needed = 1;
    const unread = this.#window.unread;
    if (this.#isBehindEnd) {
      this.trailingBytes += unread.length;
      return this.#window.consume(unread.length);
    }
    if (this.#skip > 0) {
      const count = Math.min(this.#skip, unread.length);
      this.#skip -= count;
      return this.#window.consume(count);
    }
    if (this.#isLost) return this.#findCluster(unread);
    this.#leaveEnded();
    const header = readHeader(unread);
    if (header === 'more') this.#needed = unread.length + 1;
    else if (header === 'none') this.#lose();
    else this.#element(header, unread);
  }

  #element(header: Header, unread: Buffer): void {
    const { id, size, bytes } = header;
    this.#leaveUnknownSized(id);
    const parent = this.#open.at(-1);
    if (parent === undefined && !isTopLevel(id, this.#window.position)) {
      this.#isBehindEnd = true;
      return;
    }
    const isKnown = size !== UNKNOWN_SIZE;
    const mayBeUnknown = id === ID.segment || id === ID.cluster;
    const end = this.#window.position + bytes + size;
    if ((!isKnown && !mayBeUnknown) || (isKnown && end > (parent?.end ?? UNKNOWN_SIZE))) return this.#lose();
    if (PARENT_OF.get(id) === (parent?.id ?? 0)) {
      const offset = this.#window.position;
      this.#window.consume(bytes);
      this.#open.push({ id, end });
      this.#visitor.enter(id, offset);
    } else if (!isKnown) {
      this.#lose();
    } else if (READ.has(id)) {
      this.#value(header, unread);
    } else {
      this.#window.consume(bytes);
      this.#skip = size;
    }
  }

  #value({ id, size, bytes }: Header, unread: Buffer): void {
    const held = Math.min(size, BODY_BYTES);
    if (unread.length < bytes + held) {
      this.#needed = bytes + held;
      return;
    }
    this.#visitor.value(id, unread.subarray(bytes, bytes + held), size, this.#window.position);
    this.#window.consume(bytes + held);
    this.#skip = size - held;
  }

  #leaveEnded(): void {
    while ((this.#open.at(-1)?.end ?? UNKNOWN_SIZE) <= this.#window.position) this.#leaveLast();
  }

  #leaveUnknownSized(id: number): void {
    const isNewFile = id === ID.ebml || id === ID.segment;
    while (this.#open.at(-1)?.end === UNKNOWN_SIZE) {
      const isCluster = this.#open.at(-1)?.id === ID.cluster;
      if (!(isCluster ? ENDS_CLUSTER.has(id) : isNewFile)) return;
      this.#leaveLast();
    }
  }

  #leaveLast(): void {
    const last = this.#open.pop();
    if (last !== undefined) this.#visitor.leave(last.id);
  }

  #lose(): void {
    this.#isLost = true;
    this.skippedBytes += 1;
    this.#window.consume(1);
    while (this.#open.length > 1) this.#leaveLast();
  }

  #findCluster(unread: Buffer): void {
    const at = unread.indexOf(CLUSTER_ID);
    const passed = at < 0 ? Math.max(0, unread.length - (CLUSTER_ID.length - 1)) : at;
    this.skippedBytes += passed;
    this.#window.consume(passed);
    if (at < 0) {
      this.#needed = CLUSTER_ID.length;
      return;
    }
    this.#isLost = false;
    this.#leaveEnded();
    if (this.#open.length === 0) this.#open.push({ id: ID.segment, end: UNKNOWN_SIZE });
  }
}

/** An element's id and size, or that more bytes are needed, or that none can begin so. */
function readHeader(bytes: Buffer): Header | 'more' | 'none' {
  const idBytes = varIntBytes(bytes[0] ?? 0);
  if (idBytes > 4) return 'none';
  const first = bytes[idBytes];
  if (first === undefined) return 'more';
  if (varIntBytes(first) > 8) return 'none';
  const size = readVarInt(bytes, idBytes);
  if (size === undefined) return 'more';
  return { id: bytes.readUIntBE(0, idBytes), size: size.value, bytes: idBytes + size.bytes };
}

/** What may stand outside the segment. A second file behind the first is not played by anybody. */
function isTopLevel(id: number, position: number): boolean {
  if (id === ID.ebml) return position === 0;
  return id === ID.segment || id === ID.void || id === ID.crc32;
}
