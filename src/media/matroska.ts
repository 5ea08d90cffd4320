import type { MediaWarning } from '../domain/media.ts';
import { signed, unsigned } from './ebml-number.ts';
import { type EbmlVisitor, EbmlWalker } from './ebml-walker.ts';
import { IndexBuilder } from './index-entries.ts';
import { readBlock } from './matroska-block.ts';
import { ID } from './matroska-ids.ts';
import { MatroskaTrack } from './matroska-track.ts';
import type { MediaLayout } from './media-index.ts';
import { headFacts, OPUS_RATE, type OpusHead, opusMs, packetSamples } from './opus.ts';
import type { OpusSink } from './opus-sink.ts';
import { PacketBatch } from './packet-batch.ts';
import { conclude, counted, type Findings, type Scanner } from './scanner.ts';

const SAMPLES_PER_NS = OPUS_RATE / 1e9;
/** Ticks of a millisecond round timestamps; a lost packet of 20 ms moves them by more than this. */
const TOLERANCE_SAMPLES = 480;
const SCALE = { usual: 1_000_000, most: 1_000_000_000 } as const;

/** WebM and Matroska with Opus in it (RFC 9559; codec mapping A_OPUS). Time is where the blocks say, gaps included. */
export class MatroskaScanner implements Scanner, EbmlVisitor {
  readonly #warnings = new Set<MediaWarning>();
  readonly #walker = new EbmlWalker(this);
  readonly #sink: OpusSink | undefined;
  /** The last block's packets: what is trimmed of them comes behind. */
  readonly #batch: PacketBatch | undefined;
  #container: 'webm' | 'matroska' = 'webm';
  #scaleNs: number = SCALE.usual;
  #entry: MatroskaTrack | undefined;
  #main: { readonly number: number; readonly head: OpusHead } | undefined;
  #audioTracks = 0;
  #opusTracks = 0;
  #otherTrack: MatroskaTrack | undefined;
  readonly #index = new IndexBuilder(OPUS_RATE);
  /** Of a cluster that has had no block of ours yet. */
  #newCluster: number | undefined;
  #clusterTicks = 0;
  #start: number | undefined;
  /** Where the next packet should begin, in samples. */
  #next = 0;
  #discardNs = 0;
  #audioOffset = 0;
  #audioBytes = 0;
  #gapSamples = 0;
  readonly #counts = { packets: 0, invalidPackets: 0, gaps: 0 };

  constructor(sink?: OpusSink) {
    this.#sink = sink;
    this.#batch = sink && new PacketBatch(sink);
  }

  push(bytes: Uint8Array): void {
    this.#walker.push(bytes);
  }

  end(): Findings {
    const { isCut, isOpenEnded } = this.#walker.end();
    if (isCut) this.#warnings.add('ENDS_EARLY');
    if (this.#main === undefined) return this.#withoutOpus();
    const { head } = this.#main;
    this.#judge();
    const discarded = Math.round(this.#discardNs * SAMPLES_PER_NS);
    this.#batch?.release(-discarded);
    const trim = head.preSkip + discarded;
    const sampleFrames = Math.max(0, Math.round(this.#next - (this.#start ?? 0)) - trim);
    if (sampleFrames === 0) this.#warnings.add('NO_AUDIO');
    return conclude(
      {
        container: this.#container,
        codec: 'opus',
        ...headFacts(head),
        sampleFrames,
        durationMs: opusMs(sampleFrames),
        audioBytes: this.#audioBytes,
        audioOffset: this.#audioOffset,
        ...(isOpenEnded ? { openEnded: true } : {}),
        ...(this.#audioTracks > 1 ? { streams: this.#audioTracks } : {}),
        ...counted({
          ...this.#counts,
          gapMs: opusMs(this.#gapSamples),
          skippedBytes: this.#walker.skippedBytes,
          trailingBytes: this.#walker.trailingBytes,
        }),
      },
      this.#warnings,
    );
  }

  layout(): MediaLayout | undefined {
    if (this.#main === undefined) return undefined;
    const head = this.#main.head.bytes.toString('base64');
    const entries = this.#index.entries();
    return { kind: 'matroska', track: this.#main.number, scaleNs: this.#scaleNs, head, entries };
  }

  enter(id: number, offset: number): void {
    if (id === ID.trackEntry) this.#entry = new MatroskaTrack();
    if (id === ID.cluster) this.#newCluster = offset;
    // Until its own timestamp comes: where the last cluster stopped is a better guess than 0.
    if (id === ID.cluster) this.#clusterTicks = Math.round(this.#next / SAMPLES_PER_NS / this.#scaleNs);
  }

  leave(id: number): void {
    if (id !== ID.trackEntry || this.#entry === undefined) return;
    this.#addTrack(this.#entry);
    this.#entry = undefined;
  }

  value(id: number, body: Buffer, size: number, offset: number): void {
    if (this.#entry !== undefined) this.#entry.value(id, body);
    else if (id === ID.docType)
      this.#container = body.toString('latin1').startsWith('webm') ? 'webm' : 'matroska';
    else if (id === ID.timestampScale) this.#setScale(unsigned(body));
    else if (id === ID.timestamp) this.#clusterTicks = unsigned(body);
    else if (id === ID.discardPadding) this.#discardNs = Math.max(0, signed(body));
    else if (id === ID.simpleBlock || id === ID.block) this.#block(id, body, size, offset);
  }

  #setScale(scaleNs: number): void {
    if (scaleNs >= 1 && scaleNs <= SCALE.most) this.#scaleNs = scaleNs;
    else this.#warnings.add('TIMESTAMPS_INCONSISTENT');
  }

  #addTrack(track: MatroskaTrack): void {
    if (!track.isAudio) return;
    this.#audioTracks += 1;
    if (track.codec !== 'opus' || track.isEncoded) {
      this.#otherTrack ??= track;
      return;
    }
    this.#opusTracks += 1;
    if (this.#main !== undefined) return;
    this.#main = { number: track.number, head: track.head() };
    this.#sink?.begin(this.#main.head);
  }

  #block(id: number, body: Buffer, size: number, offset: number): void {
    if (this.#main === undefined) return;
    const block = readBlock(body);
    if (block === undefined || (size > body.length && block.track === this.#main.number)) {
      this.#counts.invalidPackets += 1;
      return;
    }
    if (block.track !== this.#main.number) return;
    if (id === ID.simpleBlock) this.#sink?.simpleBlock();
    this.#batch?.release(0);
    if (this.#start === undefined) this.#audioOffset = offset;
    this.#moveTo((this.#clusterTicks + block.ticks) * this.#scaleNs * SAMPLES_PER_NS);
    if (this.#newCluster !== undefined) {
      this.#index.add(
        Math.round(this.#next - (this.#start ?? 0)) - this.#main.head.preSkip,
        this.#newCluster,
      );
      this.#newCluster = undefined;
    }
    for (const frame of block.frames) this.#packet(frame);
  }

  /** Follows a block's time: a jump ahead is a gap, small differences are rounding or a clock that drifts. */
  #moveTo(samples: number): void {
    if (this.#start === undefined) {
      this.#start = samples;
      this.#next = samples;
    }
    const ahead = samples - this.#next;
    if (ahead < -TOLERANCE_SAMPLES) this.#warnings.add('TIMESTAMPS_INCONSISTENT');
    else if (Math.abs(ahead) > this.#scaleNs * SAMPLES_PER_NS) {
      this.#next = samples;
      if (ahead > 0) this.#sink?.gap(Math.round(ahead));
    }
    if (ahead <= TOLERANCE_SAMPLES) return;
    this.#counts.gaps += 1;
    this.#gapSamples += ahead;
  }

  #packet(frame: Buffer): void {
    const samples = packetSamples(frame, frame.length);
    this.#batch?.join(frame);
    this.#batch?.endPacket();
    this.#counts.packets += 1;
    this.#audioBytes += frame.length;
    this.#next += samples ?? 0;
    // Set by the last packet of the file; one before the last trims nothing that is heard.
    this.#discardNs = 0;
    if (samples === undefined) this.#counts.invalidPackets += 1;
  }

  #judge(): void {
    if (this.#counts.gaps > 0) this.#warnings.add('GAPS');
    if (this.#counts.invalidPackets > 0) this.#warnings.add('PACKETS_INVALID');
    if (this.#walker.skippedBytes > 0) this.#warnings.add('BYTES_SKIPPED');
    if (this.#walker.trailingBytes > 0) this.#warnings.add('TRAILING_BYTES');
    if (this.#opusTracks > 1) this.#warnings.add('MULTIPLE_STREAMS');
  }

  #withoutOpus(): Findings {
    this.#warnings.add(this.#otherTrack === undefined ? 'HEADER_MISSING' : 'FORMAT_UNSUPPORTED');
    return conclude(
      { container: this.#container, codec: this.#otherTrack?.codec ?? 'unknown' },
      this.#warnings,
    );
  }
}
