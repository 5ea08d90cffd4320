import type { MediaWarning } from '../domain/media.ts';
import type { OggPage } from './ogg-pages.ts';
import { type OpusHead, packetSamples } from './opus.ts';
import type { OpusSink } from './opus-sink.ts';
import { PacketBatch } from './packet-batch.ts';

const TAGS = 'OpusTags';

/** Told where reading can begin; sample 0 is the first of this stream that is heard. */
type OnEntry = (sample: number, offset: number) => void;

/**
 * One logical Opus stream of an Ogg file, from its second page on (RFC 7845). Follows its packets over the page
 * borders and its granule positions over the packets; keeps eight bytes of a packet, whatever its length, and all
 * of it only where a sink wants to hear it.
 */
export class OggOpusStream {
  readonly head: OpusHead;
  readonly audioOffset: number;
  readonly #warnings: Set<MediaWarning>;
  readonly #onEntry: OnEntry;
  readonly #batch: PacketBatch | undefined;
  readonly #packetHead = Buffer.alloc(TAGS.length);
  #packetBytes = 0;
  #isInPacket = false;
  /** Until the lost beginning of a packet is passed. */
  #isInRest = false;
  #sequence = 1;
  #stage: 'tags' | 'audio' = 'tags';
  #start: number | undefined;
  #position = 0;
  #samples = 0;
  /** Of the first packet that ends on the current page. */
  #firstSamples: number | undefined;
  #isEnded = false;
  packets = 0;
  invalidPackets = 0;
  audioBytes = 0;
  gaps = 0;
  gapSamples = 0;

  constructor(
    head: OpusHead,
    firstPage: OggPage,
    warnings: Set<MediaWarning>,
    onEntry: OnEntry,
    sink?: OpusSink,
  ) {
    this.head = head;
    this.audioOffset = firstPage.offset + firstPage.bytes;
    this.#sequence = firstPage.sequence;
    this.#warnings = warnings;
    this.#onEntry = onEntry;
    this.#batch = sink && new PacketBatch(sink);
    sink?.begin(head);
    this.#isEnded = firstPage.last;
    this.#nextSequence();
  }

  page(page: OggPage): void {
    const isLost = page.sequence !== this.#sequence;
    this.#sequence = page.sequence;
    this.#nextSequence();
    if (isLost) this.gaps += 1;
    this.#meetPageBorder(page.continued, isLost);
    const isAudio = this.#stage === 'audio';
    const samplesBefore = this.#samples;
    const isCarriedOver = this.#isInPacket;
    this.#firstSamples = undefined;
    this.#readPackets(page);
    if (page.granule !== undefined) {
      const pageSamples = this.#samples - samplesBefore;
      const end = this.#reach(page.granule, page.last, isLost);
      // Whoever begins to read here drops the rest of a packet from the page before.
      const rest = isCarriedOver ? (this.#firstSamples ?? 0) : 0;
      if (isAudio) this.#onEntry(end - pageSamples + rest, page.offset);
    }
    this.#isEnded ||= page.last;
  }

  /** Samples to play; the position is counted on where no granule says it. */
  end(): number {
    if (!this.#isEnded || this.#isInPacket) this.#warnings.add('ENDS_EARLY');
    if (this.gaps > 0) this.#warnings.add('GAPS');
    if (this.invalidPackets > 0) this.#warnings.add('PACKETS_INVALID');
    this.#batch?.release(0);
    const end = this.#position + this.#samples;
    return Math.max(0, end - (this.#start ?? 0) - this.head.preSkip);
  }

  get isEnded(): boolean {
    return this.#isEnded;
  }

  #nextSequence(): void {
    this.#sequence = (this.#sequence + 1) >>> 0;
  }

  /** A packet may go on here only if one was begun, and must if it was; otherwise its other part is lost. */
  #meetPageBorder(isContinued: boolean, isLost: boolean): void {
    const isBroken = isLost || isContinued !== this.#isInPacket;
    if (!isBroken) return;
    if (!isLost) this.invalidPackets += 1;
    this.#isInRest = isContinued;
    this.#isInPacket = false;
    this.#packetBytes = 0;
    this.#batch?.dropPacket();
  }

  #readPackets({ lacing, body }: OggPage): void {
    let at = 0;
    // Not for…of: on a Buffer it is many times slower.
    for (let segment = 0; segment < lacing.length; segment += 1) {
      const length = lacing[segment] ?? 0;
      this.#readSegment(body, at, length);
      at += length;
    }
  }

  #readSegment(body: Buffer, at: number, length: number): void {
    const isEnd = length < 255;
    if (this.#isInRest) {
      this.#isInRest = !isEnd;
      return;
    }
    this.#keepHead(body, at, length);
    this.#packetBytes += length;
    this.#batch?.join(body.subarray(at, at + length));
    this.#isInPacket = !isEnd;
    if (!isEnd) return;
    this.#packet(this.#packetBytes);
    this.#packetBytes = 0;
  }

  /** Copied by hand: packets are short and many, and a view of each costs more than everything else about it. */
  #keepHead(body: Buffer, at: number, length: number): void {
    const from = this.#packetBytes;
    const to = Math.min(from + length, TAGS.length);
    for (let into = from; into < to; into += 1) this.#packetHead[into] = body[at + into - from] ?? 0;
  }

  #packet(bytes: number): void {
    const head = this.#packetHead;
    const isTags = this.#stage === 'tags' && bytes >= TAGS.length && head.toString('latin1') === TAGS;
    if (this.#stage === 'tags' && !isTags) this.invalidPackets += 1;
    this.#stage = 'audio';
    if (isTags) return this.#batch?.dropPacket();
    this.#batch?.endPacket();
    const samples = packetSamples(head, bytes);
    this.packets += 1;
    this.audioBytes += bytes;
    this.#samples += samples ?? 0;
    this.#firstSamples ??= samples ?? 0;
    if (samples === undefined) this.invalidPackets += 1;
  }

  /**
   * A granule is the position after the last packet that ends on its page (RFC 7845, 4). More than the packets
   * last is a gap; less is the end trim on the last page, and anywhere else wrong. Returns where the packets end.
   */
  #reach(granule: number, isLast: boolean, isLost: boolean): number {
    if (this.#stage === 'tags' || (this.packets === 0 && granule === 0)) return 0;
    if (this.#start === undefined) this.#begin(granule - this.#samples, isLast, isLost);
    const ahead = granule - (this.#position + this.#samples);
    if (ahead > 0) {
      this.gapSamples += ahead;
      if (!isLost) this.gaps += 1;
    }
    if (ahead < 0 && !isLast) this.#warnings.add('TIMESTAMPS_INCONSISTENT');
    this.#batch?.release(ahead > 0 || isLast ? ahead : 0);
    const end = this.#position + this.#samples + Math.max(0, ahead);
    this.#position = granule;
    this.#samples = 0;
    return end - (this.#start ?? 0) - this.head.preSkip;
  }

  /** A stream that was joined late begins above 0; below 0 only a trim can take it (RFC 7845, 4.5). */
  #begin(start: number, isLast: boolean, isLost: boolean): void {
    if (start < 0 && !isLast) this.#warnings.add('TIMESTAMPS_INCONSISTENT');
    this.#start = isLost ? 0 : Math.max(0, start);
    this.#position = this.#start;
  }
}
