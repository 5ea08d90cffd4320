import { notAuthentic, SealFormatError } from './errors.ts';
import { eventLoopTurns } from './event-loop.ts';
import { FrameOpener } from './frame-opener.ts';
import {
  type Expectation,
  type ExpectedObject,
  expectation,
  type OpenedHeader,
  openHeader,
} from './open-header.ts';
import {
  FINAL_FRAME_OVERHEAD,
  frameOffset,
  frameOfPlainOffset,
  type Layout,
  REGULAR_FRAME_OVERHEAD,
} from './sizes.ts';
import { SliceQueue } from './slice-queue.ts';

/** A range read need not meet the final frame, so both lengths come from the registry row. */
export interface ExpectedRangeObject extends ExpectedObject {
  readonly sealedBytes: number;
  readonly plainBytes: number;
}

/** Plaintext bytes `from` … `toExclusive - 1`. */
export interface ByteRange {
  readonly from: number;
  readonly toExclusive: number;
}

/** Fetches sealed bytes `from` … `toExclusive - 1` of the object, in chunks of any size. */
export type ReadSealed = (from: number, toExclusive: number) => AsyncIterable<Uint8Array>;

export interface RangeFacts {
  /** Sealed bytes that were fetched: the header and whole frames, nothing else. */
  readonly fetchedBytes: number;
}

/**
 * Opens a byte range without reading the rest: the header in one fetch, the frames that hold the range in
 * another. Every buffer is authentic plaintext in its place and the consumer's own. An empty range opens the
 * header only.
 *
 * The caller MUST have compared the store's length of the object with `sealedBytes`.
 *
 * @throws SealFormatError RANGE_OUTSIDE - not inside the plaintext; nothing was fetched.
 * @throws SealFormatError NOT_AUTHENTIC - also when `read` gives other than the bytes that were asked for.
 * @throws SealFormatError BAD_ARGUMENT; whatever `read` throws.
 */
export async function* openRange(
  read: ReadSealed,
  expected: ExpectedRangeObject,
  range: ByteRange,
): AsyncGenerator<Buffer, RangeFacts, void> {
  const checked = expectation(expected);
  requireInside(range, expected.plainBytes);
  const header = await fetchHeader(read, checked, expected.sealedBytes);
  const headerBytes = header.bytes.length;
  if (range.from === range.toExclusive) return { fetchedBytes: headerBytes };
  const span = spanOf(range, header);
  const turn = eventLoopTurns();
  for await (const plain of fetchFrames(read, header, span)) {
    await turn(plain.bytes.length);
    const wanted = plain.bytes.subarray(
      Math.max(0, range.from - plain.offset),
      Math.max(0, range.toExclusive - plain.offset),
    );
    if (wanted.length > 0) yield wanted;
  }
  return { fetchedBytes: headerBytes + span.toExclusive - span.from };
}

/** Whole frames: which, and where they stand in the object. */
interface FrameSpan extends ByteRange {
  readonly firstSequence: number;
  readonly lastSequence: number;
}

interface PlacedPlain {
  /** Of `bytes` in the plaintext. */
  readonly offset: number;
  readonly bytes: Buffer;
}

interface OpenedRangeHeader extends OpenedHeader {
  readonly layout: Layout;
}

function requireInside({ from, toExclusive }: ByteRange, plainBytes: number): void {
  const whole = Number.isSafeInteger(from) && Number.isSafeInteger(toExclusive);
  if (!whole || from < 0 || from > toExclusive || toExclusive > plainBytes) {
    throw new SealFormatError('RANGE_OUTSIDE', `${from} to ${toExclusive} is not inside ${plainBytes} bytes`);
  }
}

async function fetchHeader(
  read: ReadSealed,
  expected: Expectation,
  sealedBytes: number,
): Promise<OpenedRangeHeader> {
  const { headerBytes } = expected.names;
  if (sealedBytes < headerBytes) throw notAuthentic();
  const held = new SliceQueue(false);
  for await (const chunk of exactly(headerBytes, read(0, headerBytes))) held.push(chunk);
  const bytes = Buffer.alloc(headerBytes);
  held.read(bytes);
  const header = openHeader(bytes, expected);
  if (header.layout === undefined) throw notAuthentic();
  return { ...header, layout: header.layout };
}

function spanOf(range: ByteRange, { bytes, frameLength, layout }: OpenedRangeHeader): FrameSpan {
  const firstSequence = frameOfPlainOffset(range.from, frameLength);
  const lastSequence = frameOfPlainOffset(range.toExclusive - 1, frameLength);
  const withFinal = lastSequence > layout.regularFrames;
  const lastBytes = withFinal
    ? FINAL_FRAME_OVERHEAD + layout.finalLength
    : REGULAR_FRAME_OVERHEAD + frameLength;
  return {
    firstSequence,
    lastSequence,
    from: frameOffset(firstSequence, bytes.length, frameLength),
    toExclusive: frameOffset(lastSequence, bytes.length, frameLength) + lastBytes,
  };
}

async function* fetchFrames(
  read: ReadSealed,
  header: OpenedRangeHeader,
  span: FrameSpan,
): AsyncGenerator<PlacedPlain, void, void> {
  const { frameLength, layout } = header;
  const frames = new FrameOpener(header.frameKey, header.messageId);
  const held = new SliceQueue(false);
  let sequence = span.firstSequence;
  for await (const chunk of exactly(span.toExclusive - span.from, read(span.from, span.toExclusive))) {
    held.push(chunk);
    for (; sequence <= span.lastSequence; sequence += 1) {
      const final = sequence > layout.regularFrames;
      const length = final ? layout.finalLength : frameLength;
      if (held.bytes < length + (final ? FINAL_FRAME_OVERHEAD : REGULAR_FRAME_OVERHEAD)) break;
      let offset = (sequence - 1) * frameLength;
      for (const bytes of frames.open(held, { sequence, length, final })) {
        const size = bytes.length;
        yield { offset, bytes };
        offset += size;
      }
    }
  }
}

/** Passes `chunks` on, which have to be `length` bytes together. */
async function* exactly(
  length: number,
  chunks: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array, void, void> {
  let left = length;
  for await (const chunk of chunks) {
    left -= chunk.length;
    if (left < 0) throw notAuthentic();
    yield chunk;
  }
  if (left > 0) throw notAuthentic();
}
