import type { MediaCodec } from '../domain/media.ts';
import { float, unsigned } from './ebml-number.ts';
import { ID } from './matroska-ids.ts';
import { makeOpusHead, OPUS_RATE, type OpusHead, readOpusHead } from './opus.ts';

const AUDIO_TRACK = 2;
const CODECS: Readonly<Record<string, MediaCodec>> = {
  A_OPUS: 'opus',
  A_VORBIS: 'vorbis',
  A_FLAC: 'flac',
  'A_MPEG/L3': 'mp3',
  A_AAC: 'aac',
};

/** One TrackEntry while its elements come in (RFC 9559, 5.1.4.1). */
export class MatroskaTrack {
  number = 0;
  codec: MediaCodec = 'unknown';
  isAudio = false;
  /** Compressed or encrypted blocks: their first bytes are no packet's. */
  isEncoded = false;
  #private: OpusHead | undefined;
  #delayNs = 0;
  #channels = 1;
  #rate = 0;

  value(id: number, body: Buffer): void {
    if (id === ID.trackNumber) this.number = unsigned(body);
    else if (id === ID.trackType) this.isAudio = unsigned(body) === AUDIO_TRACK;
    else if (id === ID.codecId) this.codec = codecOf(body);
    else if (id === ID.codecPrivate) this.#private = readOpusHead(body);
    else if (id === ID.codecDelay) this.#delayNs = unsigned(body);
    else if (id === ID.contentEncodings) this.isEncoded = true;
    else if (id === ID.samplingFrequency) this.#rate = float(body);
    else if (id === ID.channels) this.#channels = unsigned(body);
  }

  /** The Opus header; from the elements beside it, as far as they make sense, where the private one does not. */
  head(): OpusHead {
    const preSkip = Math.round((this.#delayNs * OPUS_RATE) / 1e9);
    return (
      this.#private ??
      makeOpusHead(within(2, this.#channels) || 1, within(0xffff, preSkip), within(0xffffffff, this.#rate))
    );
  }
}

/** A number from a file as a whole one from 0 to `most`; 0 where it is none of these. */
function within(most: number, value: number): number {
  return value >= 0 && value <= most ? Math.round(value) : 0;
}

function codecOf(body: Buffer): MediaCodec {
  const name = body.toString('latin1', 0, 32).replace(/\0+$/, '');
  return Object.hasOwn(CODECS, name) ? (CODECS[name] ?? 'unknown') : 'unknown';
}
