import type { EndState, MediaFacts, MediaWarning } from '../domain/media.ts';
import type { RecordingStats, TimeShare } from '../domain/recording-stats.ts';
import type { Warning } from '../domain/warnings.ts';
import { counted } from './words.ts';

/** Recordings in people's words: `truncated at 3:41, agent channel silent`. */

/** What it is: `wav pcm_mulaw, 8000 Hz, 1:16.7, caller and agent`. As far as it is known. */
export function formatWords(media: MediaFacts): string {
  const { container, codec, sampleRate, durationMs, channels, channelRoles } = media;
  const on = channelRoles?.join(' and ') ?? (channels === undefined ? '' : counted(channels, 'channel'));
  const packed = [container, codec].filter((name) => name !== 'unknown').join(' ');
  const parts = [
    packed === '' ? 'unknown format' : packed,
    sampleRate === undefined ? '' : `${sampleRate} Hz`,
    durationMs === undefined ? '' : timeText(durationMs),
    on,
  ];
  return parts.filter((part) => part !== '').join(', ');
}

/** How it ends, and what else a listener should know: first what the end state says, then the warnings. */
export function stateWords(media: MediaFacts, warnings: readonly Warning[]): string {
  const said = [END_WORDS[media.endState](media)];
  for (const warning of warnings) {
    const words = isInWords(warning) ? WARNING_WORDS[warning](media) : warning;
    if (words !== '') said.push(words);
  }
  return said.join(', ');
}

/** Who talked how much; then one line for each channel. */
export function statsLines(stats: RecordingStats): string[] {
  const { silence, overlap, channels } = stats;
  const talk = channels.map((channel, at) => `${nameOf(channel.role, at)} ${percent(channel.talk)}`);
  const both = overlap === undefined ? [] : [`at once ${percent(overlap)}`];
  const nobody = `nobody ${percent(silence)} (longest ${timeText(silence.longestMs)})`;
  return [
    `talk: ${[...talk, ...both, nobody].join(', ')}`,
    ...channels.map((channel, at) => `${nameOf(channel.role, at)}: ${levelWords(channel)}`),
  ];
}

function levelWords({ rmsDb, peakDb, dcOffset, clippedSamples }: RecordingStats['channels'][number]): string {
  if (rmsDb === null || peakDb === null) return 'digital silence';
  const offset = Math.abs(dcOffset) < NOTABLE_OFFSET ? '' : `, offset ${dcOffset}`;
  const clipped = clippedSamples === 0 ? '' : `, ${counted(clippedSamples, 'clipped sample')}`;
  return `level ${rmsDb.toFixed(1)} dB, peak ${peakDb.toFixed(1)} dB${clipped}${offset}`;
}

/** Of full scale: a smaller constant offset is of no interest to anybody who listens. */
const NOTABLE_OFFSET = 0.001;

const END_WORDS: Readonly<Record<EndState, (media: MediaFacts) => string>> = {
  complete: () => 'complete',
  silent: () => 'nobody is heard',
  empty: () => 'no audio',
  truncated: ({ durationMs }) =>
    durationMs === undefined ? 'truncated' : `truncated at ${timeText(durationMs)}`,
  damaged: () => 'damaged',
  unparseable: () => 'not understood',
};

/** Empty where the end state has said it. */
const WARNING_WORDS: Readonly<Record<MediaWarning, (media: MediaFacts) => string>> = {
  FORMAT_UNKNOWN: () => 'in no known format',
  FORMAT_UNSUPPORTED: () => 'in a format that is only known by name',
  DECLARATION_INCOMPLETE: () => 'the event does not say codec, sample rate and channels',
  HEADER_INVALID: () => 'its header is impossible',
  HEADER_MISSING: () => 'its header is missing',
  PARSE_BUDGET_EXCEEDED: () => 'given up after too much computing',
  PARSER_FAILED: () => 'given up: a defect of callseal',
  CHECKSUM_ERRORS: ({ checksumErrors = 1 }) => counted(checksumErrors, 'checksum error'),
  GAPS: ({ gaps = 1, gapMs = 0 }) => `${counted(gaps, 'gap')} of ${timeText(gapMs)} in all`,
  BYTES_SKIPPED: ({ skippedBytes = 0 }) => `${counted(skippedBytes, 'byte')} of junk`,
  PACKETS_INVALID: ({ invalidPackets = 1 }) => counted(invalidPackets, 'invalid packet'),
  TIMESTAMPS_INCONSISTENT: () => 'its clock runs backwards',
  ENDS_EARLY: () => '',
  PARTIAL_FRAME: () => 'its last sample is not whole',
  NO_AUDIO: () => '',
  SILENT: () => '',
  DEAD_CHANNEL: ({ deadChannels = [], channelRoles }) =>
    deadChannels.length === 0
      ? 'one channel silent'
      : deadChannels.map((channel) => `${channelName(channelRoles?.[channel], channel)} silent`).join(', '),
  IDENTICAL_CHANNELS: () => 'the same on both channels',
  TRAILING_BYTES: ({ trailingBytes = 0 }) => `${counted(trailingBytes, 'byte')} behind its end`,
  HEADER_INCONSISTENT: () => 'its header contradicts itself',
  MULTIPLE_STREAMS: () => 'more than one stream, the first is described',
  CONTAINER_MISMATCH: () => 'the event says another container',
  CODEC_MISMATCH: () => 'the event says another codec',
  SAMPLE_RATE_MISMATCH: () => 'the event says another sample rate',
  CHANNELS_MISMATCH: () => 'the event says another number of channels',
  DURATION_MISMATCH: () => 'the event says another duration',
  BYTES_MISMATCH: () => 'the event says another length',
};

function isInWords(warning: Warning): warning is MediaWarning {
  return Object.hasOwn(WARNING_WORDS, warning);
}

function channelName(role: string | undefined, at: number): string {
  return role === undefined ? `channel ${at + 1}` : `${role} channel`;
}

function nameOf(role: string | undefined, at: number): string {
  return role ?? `channel ${at + 1}`;
}

function percent({ share }: TimeShare): string {
  return `${Math.round(100 * share)} %`;
}

/** `3:41`, `1:02:03`, and with tenths below a minute: `0:20.5`. */
export function timeText(ms: number): string {
  const tenths = ms < 60_000 ? Math.round(ms / 100) : 10 * Math.floor(ms / 1000);
  const seconds = Math.floor(tenths / 10);
  const fraction = tenths % 10 === 0 ? '' : `.${tenths % 10}`;
  const two = (value: number): string => String(value).padStart(2, '0');
  const hours = Math.floor(seconds / 3600);
  const minutes = Math.floor(seconds / 60) % 60;
  return `${hours > 0 ? `${hours}:${two(minutes)}` : minutes}:${two(seconds % 60)}${fraction}`;
}
