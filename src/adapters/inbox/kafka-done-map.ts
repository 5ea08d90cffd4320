import { crc32 } from 'node:zlib';
import { CallsealError } from '../../domain/errors.ts';

/**
 * What is done above the committed offset, as the metadata of that offset (a broker takes 4096 characters):
 *
 *   1 . b|r . payload in base64url . CRC-32, 8 hex digits        empty: nothing is
 *
 *   b  bitmap: bit i, lowest first, says that floor + i is done
 *   r  runs: lengths of open and done offsets in turn, from the floor on, as LEB128
 *
 * The shorter one is written. The sum covers the place as well: a map read beside another offset than its own is
 * damage.
 */
const VERSION = '1';
/** With a window of at most 18,432 offsets a bitmap has 3,072 characters: it always fits. */
export const MOST_OFFSETS = 18_432;

export interface Floor {
  readonly topic: string;
  readonly partition: number;
  /** The committed offset: everything below is done, and it itself is not. */
  readonly offset: number;
}

/** @param done - offsets above the floor, ascending */
export function encodeDoneMap(floor: Floor, done: readonly number[]): string {
  const last = done.at(-1);
  if (last === undefined) return '';
  const bits = Buffer.alloc(Math.floor((last - floor.offset) / 8) + 1);
  for (const offset of done) {
    const at = offset - floor.offset;
    bits[at >> 3] = (bits[at >> 3] ?? 0) | (1 << (at & 7));
  }
  const runs = runsOf(floor.offset, done);
  const body = runs.length < bits.length ? `r.${base64(runs)}` : `b.${base64(bits)}`;
  const text = `${VERSION}.${body}`;
  return `${text}.${sumOf(floor, text)}`;
}

/**
 * @returns offsets above the floor, ascending
 * @throws CallsealError INBOX_DOWN - the map is damaged or of a version that is not known here. Taking it for empty
 *   would publish again what was published.
 */
export function decodeDoneMap(floor: Floor, text: string): number[] {
  if (text === '') return [];
  const [, body = '', kind, payload = '', sum] =
    /^(1\.([br])\.([A-Za-z0-9_-]+))\.([0-9a-f]{8})$/.exec(text) ?? [];
  if (kind === undefined || sum !== sumOf(floor, body)) throw damaged(floor);
  const bytes = Buffer.from(payload, 'base64url');
  return kind === 'b' ? offsetsOfBits(floor.offset, bytes) : offsetsOfRuns(floor.offset, bytes);
}

function offsetsOfBits(floor: number, bits: Buffer): number[] {
  const offsets: number[] = [];
  bits.forEach((byte, at) => {
    for (let bit = 0; bit < 8; bit++) if (byte & (1 << bit)) offsets.push(floor + at * 8 + bit);
  });
  return offsets;
}

function runsOf(floor: number, done: readonly number[]): Buffer {
  const bytes: number[] = [];
  let end = floor;
  for (let i = 0; i < done.length; ) {
    const start = done[i] ?? 0;
    let length = 1;
    while (done[i + length] === start + length) length++;
    pushNumber(bytes, start - end);
    pushNumber(bytes, length);
    end = start + length;
    i += length;
  }
  return Buffer.from(bytes);
}

function offsetsOfRuns(floor: number, bytes: Buffer): number[] {
  const offsets: number[] = [];
  let value = 0;
  let shift = 0;
  let at = floor;
  let open = true;
  for (const byte of bytes) {
    value |= (byte & 0x7f) << shift;
    shift += 7;
    if (byte & 0x80) continue;
    if (!open) for (let i = 0; i < value; i++) offsets.push(at + i);
    at += value;
    open = !open;
    value = 0;
    shift = 0;
  }
  return offsets;
}

function pushNumber(bytes: number[], value: number): void {
  let rest = value;
  for (; rest > 0x7f; rest >>>= 7) bytes.push((rest & 0x7f) | 0x80);
  bytes.push(rest);
}

function base64(bytes: Buffer): string {
  return bytes.toString('base64url');
}

function sumOf({ topic, partition, offset }: Floor, body: string): string {
  return crc32(`${topic}/${partition}/${offset}:${body}`).toString(16).padStart(8, '0');
}

function damaged({ topic, partition, offset }: Floor): CallsealError {
  return new CallsealError(
    'INBOX_DOWN',
    `the done-map beside the committed offset ${offset} of ${topic}/${partition} cannot be read`,
    {
      hint: 'somebody else commits offsets for this group, or a newer callseal did: find out before going on',
    },
  );
}
