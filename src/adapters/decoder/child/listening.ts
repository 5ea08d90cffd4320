import type { MediaWarning } from '../../../domain/media.ts';
import type { DecoderWarning } from '../../../domain/warnings.ts';
import { scannerFor } from '../../../media/choose.ts';
import { madeOfAnalysis } from '../../../media/made.ts';
import { OPUS_RATE, type OpusHead, PACKET_HEAD_BYTES, packetSamples } from '../../../media/opus.ts';
import type { OpusSink } from '../../../media/opus-sink.ts';
import { createPcmAnalyser, type PcmAnalyser } from '../../../media/pcm-analyser.ts';
import type { Scanner } from '../../../media/scanner.ts';
import { SNIFF_BYTES } from '../../../media/sniff.ts';
import type { Decoded, OpusRecording } from '../../../ports/decoder.ts';
import { DECODED_RATE, PacketDecoder } from './packet-decoder.ts';
import { SecondOpinion } from './second-opinion.ts';

const STEP = OPUS_RATE / DECODED_RATE;
/** A recording with more silence than this in its gaps has no such gaps: a position in it is wrong. */
const MOST_GAP_FRAMES = 24 * 3600 * DECODED_RATE;
const SILENCE_FRAMES = 4096;

/** Listens to one recording: our reader finds the packets, prism-media decodes and counts them, the analyser hears. */
export class Listening implements OpusSink {
  readonly #recording: OpusRecording;
  readonly #opinion: SecondOpinion | undefined;
  readonly #warnings = new Set<DecoderWarning | MediaWarning>();
  #scanner: Scanner | undefined;
  #decoder: PacketDecoder | undefined;
  #analyser: PcmAnalyser | undefined;
  #channels = 0;
  #silence = new Int16Array(0);
  /** Frames that the codec still needs to settle, and nobody hears. */
  #skip = 0;
  #gapFrames = 0;
  #simpleBlocks = 0;

  constructor(recording: OpusRecording) {
    this.#recording = recording;
    this.#opinion = SecondOpinion.of(recording.container);
  }

  /** The first one holds the beginning, as far as it is looked at to choose the reader. */
  push(bytes: Buffer): void {
    this.#scanner ??= scannerFor(bytes.subarray(0, SNIFF_BYTES), this.#recording.declared, this);
    this.#scanner.push(bytes);
    this.#opinion?.push(bytes);
  }

  end(): Decoded {
    const packets = this.#scanner?.end().packets ?? 0;
    const analysis = this.#warnings.has('CHANNELS_UNDECODED') ? undefined : this.#analyser?.end();
    if (this.#gapFrames > MOST_GAP_FRAMES) return { made: [], warnings: ['DECODER_FAILED'] };
    if (this.#opinion && this.#channels > 0 && this.#opinion.packets !== this.#comparable(packets)) {
      this.#warnings.add('SECOND_OPINION_DIFFERS');
    }
    for (const warning of analysis?.warnings ?? []) this.#warnings.add(warning);
    const made = madeOfAnalysis(analysis, this.#recording.declared?.channels);
    const decoded = made.flatMap(({ kind, bytes }) => (kind === 'index' ? [] : [{ kind, bytes }]));
    return { made: decoded, warnings: [...this.#warnings] };
  }

  close(): void {
    this.#decoder?.close();
    this.#opinion?.close();
  }

  begin(head: OpusHead): void {
    this.#opinion?.accept();
    this.#decoder?.close();
    this.#decoder = new PacketDecoder(head.channels);
    this.#skip = Math.round(head.preSkip / STEP);
    if (this.#channels === 0) {
      this.#channels = head.channels;
      this.#analyser = createPcmAnalyser({ channels: head.channels, rate: DECODED_RATE });
      this.#silence = new Int16Array(SILENCE_FRAMES * head.channels);
    }
    if (head.channels !== this.#channels || streamsOf(head) > 1) this.#warnings.add('CHANNELS_UNDECODED');
  }

  gap(samples: number): void {
    const frames = Math.round(samples / STEP);
    this.#gapFrames += frames;
    if (this.#gapFrames <= MOST_GAP_FRAMES) this.#hearSilence(frames);
  }

  play(packets: readonly Buffer[], samples: number): void {
    if (this.#warnings.has('CHANNELS_UNDECODED')) return;
    let left = Math.round(samples / STEP);
    for (const packet of packets) {
      const most = (packetSamples(packet.subarray(0, PACKET_HEAD_BYTES), packet.length) ?? 0) / STEP;
      const frames = Math.min(left, most);
      left -= frames;
      const pcm = this.#decoder?.decode(packet);
      if (pcm === undefined) {
        this.#warnings.add('PACKETS_UNDECODED');
        this.#hearSilence(frames);
      } else {
        this.#hear(pcm.subarray(0, frames * this.#channels));
      }
    }
  }

  simpleBlock(): void {
    this.#simpleBlocks += 1;
  }

  /** In WebM prism-media knows SimpleBlocks only, and takes each for one packet, laced or not. */
  #comparable(packets: number): number {
    return this.#recording.container === 'webm' ? this.#simpleBlocks : packets;
  }

  #hear(samples: Int16Array): void {
    const skipped = Math.min(this.#skip, samples.length / this.#channels);
    this.#skip -= skipped;
    this.#analyser?.push(samples.subarray(skipped * this.#channels));
  }

  #hearSilence(frames: number): void {
    for (let left = frames; left > 0; left -= SILENCE_FRAMES) {
      this.#hear(this.#silence.subarray(0, Math.min(left, SILENCE_FRAMES) * this.#channels));
    }
  }
}

/** Opus streams that each packet is made of (RFC 7845, 5.1.1); one, where there is no mapping. */
function streamsOf({ bytes }: OpusHead): number {
  return bytes.readUInt8(18) === 0 ? 1 : bytes.readUInt8(19);
}
