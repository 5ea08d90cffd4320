import type { MediaCodec, MediaWarning } from '../domain/media.ts';
import { Gather } from './gather.ts';
import type { MediaLayout } from './media-index.ts';
import { PcmRun } from './pcm.ts';
import type { PcmAnalysis } from './pcm-analyser.ts';
import { conclude, counted, type Findings, type Scanner } from './scanner.ts';
import { FMT_BYTES, readFmt } from './wav-format.ts';

const RIFF_HEADER = 12;
const CHUNK_HEADER = 8;
const DS64_BYTES = 16;
const ALL_ONES = 0xffffffff;
/** So many chunks before the data are refused; real files have a handful. */
const MOST_CHUNKS = 1000;

/** Sizes that writers who cannot seek back leave in a header: 0, about 2^31 (sox), about 2^32 (ffmpeg). Not beyond. */
function isPlaceholder(size: number): boolean {
  const isAlmost = (limit: number): boolean => size > limit - 0x1000 && size <= limit;
  return size === 0 || isAlmost(0x7fffffff) || isAlmost(ALL_ONES);
}

/**
 * WAV and RF64 (EBU Tech 3306): chunks of `name, size u32, body`, each body padded to an even length.
 *
 *   'RIFF' | size | 'WAVE' | …chunks… | 'fmt ' … | …chunks… | 'data' size samples | …chunks…
 *   'RF64' | 2^32-1 | 'WAVE' | 'ds64' RIFF size u64, data size u64 … | …        'BW64' is the same
 *
 * A data size of 0, a placeholder, or beyond the file means: until the end of the file.
 */
export class WavScanner implements Scanner {
  readonly #header = new Gather(FMT_BYTES.most);
  readonly #warnings = new Set<MediaWarning>();
  #step: 'riff' | 'chunk' | 'body' | 'skip' | 'data' | 'after' | 'refused' = 'riff';
  #chunk = '';
  #chunks = 0;
  /** Bytes of the current chunk still to come behind what is gathered, its padding included. */
  #left = 0;
  #position = 0;
  #container: 'wav' | 'rf64' = 'wav';
  #codec: MediaCodec = 'unknown';
  #riffSize = 0;
  #ds64DataSize = 0;
  #run: PcmRun | undefined;
  #audioOffset = 0;
  #dataSize = 0;

  constructor() {
    this.#header.begin(RIFF_HEADER);
  }

  push(bytes: Uint8Array): void {
    let rest = bytes;
    while (rest.length > 0) {
      const before = rest.length;
      rest = this.#take(rest);
      this.#position += before - rest.length;
      // A body of no bytes is done before the next byte comes; so is a skip.
      this.#advance();
    }
  }

  end(): Findings {
    const trailing = this.#judgeEnd();
    const audio = this.#run?.end(this.#warnings);
    return conclude(
      {
        container: this.#container,
        codec: this.#codec,
        ...audio,
        ...(this.#run === undefined ? {} : { audioOffset: this.#audioOffset }),
        ...(this.#isOpenEnded() ? { openEnded: true } : {}),
        ...counted({ trailingBytes: trailing }),
      },
      this.#warnings,
    );
  }

  layout(): MediaLayout | undefined {
    return this.#run?.layout();
  }

  analysis(): PcmAnalysis | undefined {
    return this.#run?.analysis();
  }

  #take(bytes: Uint8Array): Uint8Array {
    switch (this.#step) {
      case 'riff':
      case 'chunk':
      case 'body':
        return this.#header.take(bytes);
      case 'skip':
      case 'data': {
        const wanted = bytes.subarray(0, Math.min(bytes.length, this.#left));
        if (this.#step === 'data') this.#run?.push(wanted);
        this.#left -= wanted.length;
        return bytes.subarray(wanted.length);
      }
      case 'after':
      case 'refused':
        return bytes.subarray(bytes.length);
    }
  }

  #advance(): void {
    if (this.#step === 'riff' && this.#header.full) this.#readRiff(this.#header.view);
    else if (this.#step === 'chunk' && this.#header.full) this.#readChunk(this.#header.view);
    else if (this.#step === 'body' && this.#header.full) this.#readBody(this.#header.view);
    else if (this.#step === 'data' && this.#left === 0) this.#step = 'after';
    if (this.#step === 'skip' && this.#left === 0) this.#expect('chunk', CHUNK_HEADER);
  }

  #readRiff(header: Buffer): void {
    this.#container = header.toString('latin1', 0, 4) === 'RIFF' ? 'wav' : 'rf64';
    this.#riffSize = header.readUInt32LE(4);
    this.#expect('chunk', CHUNK_HEADER);
  }

  #readChunk(header: Buffer): void {
    this.#chunk = header.toString('latin1', 0, 4);
    const size = header.readUInt32LE(4);
    this.#chunks += 1;
    const least = { 'fmt ': FMT_BYTES.least, ds64: DS64_BYTES }[this.#chunk];
    if (this.#chunk === 'data') return this.#beginData(size);
    const isRefused = this.#chunks > MOST_CHUNKS || (least !== undefined && size < least);
    if (isRefused) return this.#refuse('HEADER_INVALID');
    const read = least === undefined ? 0 : Math.min(size, FMT_BYTES.most);
    this.#left = size + (size % 2) - read;
    if (read > 0) this.#expect('body', read);
    else this.#step = 'skip';
  }

  #readBody(body: Buffer): void {
    this.#step = 'skip';
    if (this.#chunk === 'ds64') {
      this.#riffSize = safeSize(body, 0);
      this.#ds64DataSize = safeSize(body, 8);
      return;
    }
    const fmt = readFmt(body);
    if (fmt.kind === 'refused') {
      this.#codec = fmt.codec;
      return this.#refuse(fmt.warning);
    }
    if (!fmt.consistent) this.#warnings.add('HEADER_INCONSISTENT');
    this.#codec = fmt.format.codec;
    this.#run = new PcmRun(fmt.format);
  }

  #beginData(size: number): void {
    if (this.#run === undefined) return this.#refuse('HEADER_MISSING');
    const in64 = this.#container === 'rf64' && size === ALL_ONES;
    this.#dataSize = in64 ? this.#ds64DataSize : size;
    const known = in64 ? this.#dataSize > 0 : this.#dataSize > 0 && this.#dataSize !== ALL_ONES;
    this.#left = known ? this.#dataSize : Number.POSITIVE_INFINITY;
    this.#audioOffset = this.#position;
    this.#step = 'data';
  }

  #refuse(warning: MediaWarning): void {
    this.#warnings.add(warning);
    this.#run = undefined;
    this.#step = 'refused';
  }

  #expect(step: 'chunk' | 'body', bytes: number): void {
    this.#header.begin(bytes);
    this.#step = step;
  }

  /** Whether the end of the audio is wherever the file ends. */
  #isOpenEnded(): boolean {
    return this.#step === 'data' && isPlaceholder(this.#dataSize);
  }

  /** Adds the warnings that only the length of the file tells; returns the bytes behind all chunks. */
  #judgeEnd(): number {
    if (this.#step === 'refused') return 0;
    const riffEnd = isPlaceholder(this.#riffSize) ? 0 : CHUNK_HEADER + this.#riffSize;
    if (this.#step !== 'after') {
      const isCut = !this.#isOpenEnded() || riffEnd > this.#position;
      if (isCut) this.#warnings.add('ENDS_EARLY');
      return 0;
    }
    if (riffEnd > this.#position) this.#warnings.add('HEADER_INCONSISTENT');
    const dataEnd = this.#audioOffset + this.#dataSize + (this.#dataSize % 2);
    const trailing = Math.max(0, this.#position - Math.max(riffEnd, dataEnd));
    if (trailing > 0) this.#warnings.add('TRAILING_BYTES');
    return trailing;
  }
}

function safeSize(body: Buffer, at: number): number {
  const size = body.readBigUInt64LE(at);
  return size > BigInt(Number.MAX_SAFE_INTEGER) ? 0 : Number(size);
}
