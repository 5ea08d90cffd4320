/**
 * What goes through the pipes between the pool and a child, one recording at a time:
 *
 *   kind u8 | length u32 big endian | body
 *
 *   to the child      begin: JSON { container, declared }     bytes: of the recording     end
 *   from the child    taken: bytes u32, they are worked in    peaks, stats: made          report: JSON { warnings, rss }
 *
 * The child answers `end` with what it made, then the report. One whose answer nobody wants any more is killed.
 */
export const KIND = {
  begin: 1,
  bytes: 2,
  end: 3,
  taken: 4,
  peaks: 5,
  stats: 6,
  report: 7,
} as const;

export interface Frame {
  readonly kind: number;
  readonly body: Buffer;
}

export const HEADER_BYTES = 5;
/** Of the recording, in one frame: prism-media copies what it is given again and again. */
export const MOST_BYTES = 64 * 1024;
/** Of any body; peaks have at most 2 MiB. */
const MOST_BODY = 4 * 1024 * 1024;

/** A frame of its own memory. */
export function frameOf(kind: number, body: Uint8Array | string = ''): Buffer {
  const length = typeof body === 'string' ? Buffer.byteLength(body) : body.length;
  const frame = Buffer.allocUnsafe(HEADER_BYTES + length);
  frame.writeUInt8(kind, 0);
  frame.writeUInt32BE(length, 1);
  if (typeof body === 'string') frame.write(body, HEADER_BYTES);
  else frame.set(body, HEADER_BYTES);
  return frame;
}

export function numberOf(count: number): Buffer {
  const body = Buffer.alloc(4);
  body.writeUInt32BE(count);
  return body;
}

/** Puts frames together from pieces that are cut anywhere. */
export class FrameReader {
  readonly #header = Buffer.alloc(HEADER_BYTES);
  #body: Buffer | undefined;
  #filled = 0;

  /** @throws RangeError - a body longer than any is; nothing after it can be read. */
  *frames(chunk: Buffer): Generator<Frame, void, void> {
    let rest = chunk;
    for (;;) {
      const target = this.#body ?? this.#header;
      const copied = rest.copy(target, this.#filled);
      rest = rest.subarray(copied);
      this.#filled += copied;
      if (this.#filled < target.length) return;
      this.#filled = 0;
      const body = this.#body;
      this.#body = body === undefined ? this.#newBody() : undefined;
      if (body !== undefined) yield { kind: this.#header.readUInt8(0), body };
    }
  }

  #newBody(): Buffer {
    const length = this.#header.readUInt32BE(1);
    if (length > MOST_BODY) throw new RangeError('a frame is longer than it may be');
    return Buffer.alloc(length);
  }
}
