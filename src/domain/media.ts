import type { DeclaredMedia } from './call-event.ts';

/** What the bytes are packed in. From the bytes where they say so, else from the event (`raw`, `opus-packets`). */
export type MediaContainer =
  | 'raw'
  | 'wav'
  | 'rf64'
  | 'ogg'
  | 'webm'
  | 'matroska'
  | 'opus-packets'
  | 'mp3'
  | 'flac'
  | 'aac'
  | 'mp4'
  | 'amr'
  | 'gsm'
  | 'aiff'
  | 'au'
  | 'caf'
  | 'asf'
  | 'silk'
  | 'unknown';

/** How the samples are coded; ffmpeg's names. Only Opus, G.711 and PCM are understood, the rest is only named. */
export type MediaCodec =
  | 'pcm_s16le'
  | 'pcm_mulaw'
  | 'pcm_alaw'
  | 'pcm_u8'
  | 'pcm_s24le'
  | 'pcm_s32le'
  | 'pcm_f32le'
  | 'pcm_f64le'
  | 'opus'
  | 'vorbis'
  | 'flac'
  | 'speex'
  | 'mp3'
  | 'aac'
  | 'amr'
  | 'gsm'
  | 'gsm_ms'
  | 'adpcm'
  | 'g722'
  | 'silk'
  | 'unknown';

/** From harmless to hopeless. A recording has one: the worst that any of its warnings stands for. */
const END_STATES = ['complete', 'silent', 'empty', 'truncated', 'damaged', 'unparseable'] as const;
export type EndState = (typeof END_STATES)[number];

/** Every warning the tap can give, and the end state it stands for. Facts list them in this order. */
const END_STATE_OF = {
  /** No signature that is known, and nothing usable declared. */
  FORMAT_UNKNOWN: 'unparseable',
  /** Known, not understood: MP3, FLAC, GSM, a WAV of a rare codec, an Ogg without Opus. */
  FORMAT_UNSUPPORTED: 'unparseable',
  /** The event says raw but not the codec, sample rate or channels it takes to count time. */
  DECLARATION_INCOMPLETE: 'unparseable',
  HEADER_INVALID: 'unparseable',
  HEADER_MISSING: 'unparseable',
  PARSE_BUDGET_EXCEEDED: 'unparseable',
  /** A defect of ours. The bytes are sealed all the same. */
  PARSER_FAILED: 'unparseable',

  CHECKSUM_ERRORS: 'damaged',
  /** Pages, packets or time that should lie between two others are not there. */
  GAPS: 'damaged',
  BYTES_SKIPPED: 'damaged',
  PACKETS_INVALID: 'damaged',
  /** Positions that run backwards, or further than the packets between them last. */
  TIMESTAMPS_INCONSISTENT: 'damaged',

  /** Ends before its own end: a declared length, an end mark or the rest of a structure is missing. */
  ENDS_EARLY: 'truncated',
  /** The last sample frame is not whole. */
  PARTIAL_FRAME: 'truncated',

  NO_AUDIO: 'empty',
  SILENT: 'silent',

  DEAD_CHANNEL: 'complete',
  IDENTICAL_CHANNELS: 'complete',
  /** Bytes behind the end of the audio that belong to nothing. */
  TRAILING_BYTES: 'complete',
  /** A header contradicts itself in something that can be worked out otherwise. */
  HEADER_INCONSISTENT: 'complete',
  /** More than one audio stream side by side; the facts are those of the first. */
  MULTIPLE_STREAMS: 'complete',

  CONTAINER_MISMATCH: 'complete',
  CODEC_MISMATCH: 'complete',
  SAMPLE_RATE_MISMATCH: 'complete',
  CHANNELS_MISMATCH: 'complete',
  DURATION_MISMATCH: 'complete',
  BYTES_MISMATCH: 'complete',
} as const satisfies Record<string, EndState>;

export type MediaWarning = keyof typeof END_STATE_OF;

function isMediaWarning(code: string): code is MediaWarning {
  return Object.hasOwn(END_STATE_OF, code);
}

export const MEDIA_WARNINGS = Object.keys(END_STATE_OF).filter(isMediaWarning);

/** What the tap saw of one recording. Facts only: nothing in it can be played or read. */
export interface MediaFacts {
  readonly container: MediaContainer;
  readonly codec: MediaCodec;
  /** Hz of the decoded audio: 48000 for Opus. */
  readonly sampleRate?: number;
  /** Hz before Opus encoding, as its header claims. */
  readonly inputSampleRate?: number;
  /** How many, from the bytes where they say so. */
  readonly channels?: number;
  /** From the event only: nothing in a file says who is on which channel. */
  readonly channelRoles?: readonly string[];
  /** Numbers of the channels on which nobody is heard, from 0. */
  readonly deadChannels?: readonly number[];
  /** Sample frames a player plays, at `sampleRate`: without pre-skip and end trim, with gaps. */
  readonly sampleFrames?: number;
  readonly durationMs?: number;
  readonly endState: EndState;
  /** Samples at 48 kHz to drop at the start (of the first link). */
  readonly preSkip?: number;
  /** All bytes of the recording. */
  readonly bytes: number;
  /** Bytes of samples or packets, without headers and framing. */
  readonly audioBytes?: number;
  /** Where they begin. */
  readonly audioOffset?: number;
  /** The container does not say how long it is, so a cut at its end would not show. */
  readonly openEnded?: boolean;
  readonly packets?: number;
  readonly invalidPackets?: number;
  /** Chained Ogg streams, one after the other. */
  readonly links?: number;
  /** Streams side by side, where more than one. */
  readonly streams?: number;
  readonly gaps?: number;
  readonly gapMs?: number;
  readonly checksumErrors?: number;
  /** Bytes before or between the structures that belong to none. */
  readonly skippedBytes?: number;
  readonly trailingBytes?: number;
  readonly warnings: readonly MediaWarning[];
}

/** The end state that a set of warnings comes to. */
export function endStateOf(warnings: Iterable<MediaWarning>): EndState {
  let worst = 0;
  for (const warning of warnings) worst = Math.max(worst, END_STATES.indexOf(END_STATE_OF[warning]));
  return END_STATES[worst] ?? 'complete';
}

/** Each warning once, in the order of the table: the same facts give the same JSON. */
export function inOrder(warnings: ReadonlySet<MediaWarning>): MediaWarning[] {
  return MEDIA_WARNINGS.filter((warning) => warnings.has(warning));
}

const CODEC_ALIASES: Readonly<Record<string, MediaCodec>> = {
  pcm: 'pcm_s16le',
  s16le: 'pcm_s16le',
  l16: 'pcm_s16le',
  mulaw: 'pcm_mulaw',
  ulaw: 'pcm_mulaw',
  pcmu: 'pcm_mulaw',
  alaw: 'pcm_alaw',
  pcma: 'pcm_alaw',
};

/** A declared codec in our words: lower case, the usual other names of PCM and G.711 understood. */
export function codecName(declared: string): string {
  const name = declared.toLowerCase();
  return Object.hasOwn(CODEC_ALIASES, name) ? (CODEC_ALIASES[name] ?? name) : name;
}

/** Containers that an event may call by either name. */
const SAME_CONTAINER: Readonly<Record<string, string>> = { rf64: 'wav', webm: 'matroska', mkv: 'matroska' };

function containerFamily(name: string): string {
  return Object.hasOwn(SAME_CONTAINER, name) ? (SAME_CONTAINER[name] ?? name) : name;
}

/** A call's event counts ringing and hold differently from its recording; less than this is no mismatch. */
const DURATION_TOLERANCE = { ms: 2000, share: 0.02 } as const;

/**
 * What the event says and the bytes do not bear out (docs/audio.md, "Against the event"). Warnings, never a
 * reason to refuse: the event may be the one that is wrong.
 */
export function compareWithEvent(
  facts: MediaFacts,
  declared: DeclaredMedia | undefined,
  event: { readonly durationMs?: number | undefined; readonly bytes?: number | undefined },
): MediaWarning[] {
  const found = new Set<MediaWarning>();
  const container = declared?.container?.toLowerCase();
  if (container !== undefined && containerFamily(container) !== containerFamily(facts.container)) {
    found.add('CONTAINER_MISMATCH');
  }
  if (declared?.codec !== undefined && codecName(declared.codec) !== facts.codec) found.add('CODEC_MISMATCH');
  if (declared?.sampleRate !== undefined && !isRateOf(facts, declared.sampleRate)) {
    found.add('SAMPLE_RATE_MISMATCH');
  }
  const channels = declared?.channels?.length;
  if (channels !== undefined && facts.channels !== undefined && channels !== facts.channels) {
    found.add('CHANNELS_MISMATCH');
  }
  if (event.durationMs !== undefined && facts.durationMs !== undefined) {
    const apart = Math.abs(event.durationMs - facts.durationMs);
    const allowed = Math.max(DURATION_TOLERANCE.ms, event.durationMs * DURATION_TOLERANCE.share);
    if (apart > allowed) found.add('DURATION_MISMATCH');
  }
  if (event.bytes !== undefined && event.bytes !== facts.bytes) found.add('BYTES_MISMATCH');
  return inOrder(found);
}

/** Opus always plays at 48 kHz; an event may mean that or the rate before encoding. */
function isRateOf(facts: MediaFacts, rate: number): boolean {
  if (facts.sampleRate === undefined) return true;
  return rate === facts.sampleRate || rate === facts.inputSampleRate;
}
