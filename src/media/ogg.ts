import type { MediaCodec, MediaWarning } from '../domain/media.ts';
import { IndexBuilder } from './index-entries.ts';
import type { MediaLayout } from './media-index.ts';
import { OggOpusStream } from './ogg-opus.ts';
import { type OggPage, OggPages } from './ogg-pages.ts';
import { headFacts, OPUS_RATE, type OpusHead, opusMs, readOpusHead } from './opus.ts';
import type { OpusSink } from './opus-sink.ts';
import { conclude, counted, type Findings, type Scanner } from './scanner.ts';

/** Serials of one link that are remembered; a recording has one or two. */
const MOST_STREAMS = 64;

/** First bytes of a stream's first packet that name a codec which is not read. */
const OTHER_CODECS: readonly (readonly [magic: string, codec: MediaCodec])[] = [
  ['\x01vorbis', 'vorbis'],
  ['\x7fFLAC', 'flac'],
  ['Speex   ', 'speex'],
];

/** Streams side by side, begun together. Links follow each other, each with its own headers (RFC 3533, 4). */
interface Link {
  readonly serials: Set<number>;
  /** The first Opus stream: the one the facts are of. */
  main: { readonly serial: number; readonly stream: OggOpusStream } | undefined;
  opusStreams: number;
  isBegun: boolean;
}

/** Ogg with Opus in it (RFC 7845): pages, links, streams. */
export class OggScanner implements Scanner {
  readonly #warnings = new Set<MediaWarning>();
  readonly #pages = new OggPages((page) => this.#page(page));
  readonly #index = new IndexBuilder(OPUS_RATE);
  readonly #sink: OpusSink | undefined;
  #link: Link | undefined;
  #first: OggOpusStream | undefined;
  #otherCodec: MediaCodec | undefined;
  #hasBadHead = false;
  #hasPages = false;
  #links = 0;
  #streams = 0;
  #serial = 0;
  #orphanBytes = 0;
  #sampleFrames = 0;
  readonly #sums = { packets: 0, invalidPackets: 0, gaps: 0, gapSamples: 0, audioBytes: 0 };

  constructor(sink?: OpusSink) {
    this.#sink = sink;
  }

  push(bytes: Uint8Array): void {
    this.#pages.push(bytes);
  }

  end(): Findings {
    const { trailingBytes, cutPage } = this.#pages.end();
    const lastStream = this.#link?.main?.stream;
    this.#closeLink();
    if (this.#pages.exhausted) this.#warnings.add('PARSE_BUDGET_EXCEEDED');
    if (this.#first === undefined) return this.#withoutOpus(cutPage);
    if (cutPage) this.#warnings.add('ENDS_EARLY');
    const isBehindEnd = trailingBytes > 0 && lastStream?.isEnded === true && !cutPage;
    if (isBehindEnd) this.#warnings.add('TRAILING_BYTES');
    // Without an end mark before them, bytes that make no page are lost audio.
    const lostBytes = isBehindEnd || cutPage ? 0 : trailingBytes;
    const skippedBytes = this.#pages.skippedBytes + this.#orphanBytes + lostBytes;
    if (skippedBytes > 0) this.#warnings.add('BYTES_SKIPPED');
    if (this.#pages.checksumErrors > 0 && skippedBytes > 0) this.#warnings.add('CHECKSUM_ERRORS');
    if (this.#sampleFrames === 0) this.#warnings.add('NO_AUDIO');
    const { audioBytes, gapSamples, ...sums } = this.#sums;
    return conclude(
      {
        container: 'ogg',
        codec: 'opus',
        ...headFacts(this.#first.head),
        sampleFrames: this.#sampleFrames,
        durationMs: opusMs(this.#sampleFrames),
        audioBytes,
        audioOffset: this.#first.audioOffset,
        links: this.#links,
        ...(this.#streams > 1 ? { streams: this.#streams } : {}),
        ...counted({
          ...sums,
          gapMs: opusMs(gapSamples),
          checksumErrors: this.#warnings.has('CHECKSUM_ERRORS') ? this.#pages.checksumErrors : 0,
          skippedBytes,
          trailingBytes: isBehindEnd ? trailingBytes : 0,
        }),
      },
      this.#warnings,
    );
  }

  /** Links that follow each other have a header each: they are not cut. */
  layout(): MediaLayout | undefined {
    if (this.#first === undefined || this.#links > 1) return undefined;
    const head = this.#first.head.bytes.toString('base64');
    return { kind: 'ogg', serial: this.#serial, head, entries: this.#index.entries() };
  }

  #page(page: OggPage): void {
    this.#hasPages = true;
    if (page.first) return this.#beginStream(page);
    const link = this.#link;
    if (link !== undefined) link.isBegun = true;
    if (link?.main?.serial === page.serial) link.main.stream.page(page);
    else if (!link?.serials.has(page.serial)) this.#orphanBytes += page.bytes; // its first page is lost
  }

  #beginStream(page: OggPage): void {
    const link = this.#link === undefined || this.#link.isBegun ? this.#beginLink() : this.#link;
    if (link.serials.size < MOST_STREAMS) link.serials.add(page.serial);
    this.#streams = Math.max(this.#streams, link.serials.size);
    const packet = page.body.subarray(0, page.lacing[0] ?? 0);
    const start = packet.toString('latin1', 0, 8);
    if (start !== 'OpusHead') {
      this.#otherCodec ??= OTHER_CODECS.find(([magic]) => start.startsWith(magic))?.[1];
      return;
    }
    const head = readOpusHead(packet);
    if (head === undefined) {
      this.#hasBadHead = true;
      return;
    }
    link.opusStreams += 1;
    if (link.main !== undefined) return;
    link.main = { serial: page.serial, stream: this.#openStream(head, page) };
    if (this.#first !== undefined) return;
    this.#first = link.main.stream;
    this.#serial = page.serial;
  }

  #openStream(head: OpusHead, page: OggPage): OggOpusStream {
    const linkStart = this.#sampleFrames;
    const onEntry = (sample: number, offset: number): void => this.#index.add(linkStart + sample, offset);
    return new OggOpusStream(head, page, this.#warnings, onEntry, this.#sink);
  }

  #beginLink(): Link {
    this.#closeLink();
    this.#links += 1;
    this.#link = { serials: new Set(), main: undefined, opusStreams: 0, isBegun: false };
    return this.#link;
  }

  #closeLink(): void {
    const stream = this.#link?.main?.stream;
    if ((this.#link?.opusStreams ?? 0) > 1) this.#warnings.add('MULTIPLE_STREAMS');
    this.#link = undefined;
    if (stream === undefined) return;
    this.#sampleFrames += stream.end();
    this.#sums.packets += stream.packets;
    this.#sums.invalidPackets += stream.invalidPackets;
    this.#sums.gaps += stream.gaps;
    this.#sums.gapSamples += stream.gapSamples;
    this.#sums.audioBytes += stream.audioBytes;
  }

  #withoutOpus(isCut: boolean): Findings {
    if (!this.#hasPages && !isCut) {
      return conclude({ container: 'unknown', codec: 'unknown' }, new Set(['FORMAT_UNKNOWN']));
    }
    if (this.#hasBadHead) this.#warnings.add('HEADER_INVALID');
    else if (this.#otherCodec !== undefined) this.#warnings.add('FORMAT_UNSUPPORTED');
    else this.#warnings.add(this.#hasPages ? 'HEADER_MISSING' : 'ENDS_EARLY');
    const codec = this.#hasBadHead ? 'opus' : (this.#otherCodec ?? 'unknown');
    return conclude({ container: 'ogg', codec }, this.#warnings);
  }
}
