import { expect, test } from 'vitest';
import { formatWords, stateWords, statsLines, timeText } from '../../src/commands/recording-words.ts';
import { MEDIA_WARNINGS, type MediaFacts } from '../../src/domain/media.ts';
import type { RecordingStats } from '../../src/domain/recording-stats.ts';

const CUT: MediaFacts = {
  container: 'wav',
  codec: 'pcm_s16le',
  sampleRate: 8000,
  channels: 2,
  channelRoles: ['caller', 'agent'],
  deadChannels: [1],
  durationMs: 221_400,
  endState: 'truncated',
  bytes: 1,
  warnings: ['ENDS_EARLY', 'DEAD_CHANNEL'],
};

test('a recording that was cut and lacks the agent is said so, in words', () => {
  expect(stateWords(CUT, CUT.warnings)).toBe('truncated at 3:41, agent channel silent');
  expect(formatWords(CUT)).toBe('wav pcm_s16le, 8000 Hz, 3:41, caller and agent');
});

test('where the event named no roles channels have numbers, from 1', () => {
  const { channelRoles: _, ...nameless } = CUT;
  expect(stateWords(nameless, ['DEAD_CHANNEL'])).toBe('truncated at 3:41, channel 2 silent');
  expect(formatWords(nameless)).toBe('wav pcm_s16le, 8000 Hz, 3:41, 2 channels');
});

test('a receipt from before the silent channels were noted says what it can', () => {
  const { deadChannels: _, ...older } = CUT;
  expect(stateWords(older, ['DEAD_CHANNEL'])).toBe('truncated at 3:41, one channel silent');
});

test('damage is counted', () => {
  const media: MediaFacts = {
    ...CUT,
    endState: 'damaged',
    gaps: 2,
    gapMs: 4000,
    checksumErrors: 1,
    skippedBytes: 11,
  };
  expect(stateWords(media, ['CHECKSUM_ERRORS', 'GAPS', 'BYTES_SKIPPED', 'CODEC_MISMATCH'])).toBe(
    'damaged, 1 checksum error, 2 gaps of 0:04 in all, 11 bytes of junk, the event says another codec',
  );
});

test('no warning is left as a code, and one of another kind stays as it is', () => {
  for (const warning of MEDIA_WARNINGS) expect(stateWords(CUT, [warning])).not.toContain(warning);
  expect(stateWords({ ...CUT, endState: 'complete' }, ['EMPTY'])).toBe('complete, EMPTY');
});

test('what nothing is known of is an unknown format', () => {
  const media: MediaFacts = {
    container: 'unknown',
    codec: 'unknown',
    endState: 'unparseable',
    bytes: 1,
    warnings: [],
  };
  expect(`${formatWords(media)}: ${stateWords(media, ['FORMAT_UNKNOWN'])}`).toBe(
    'unknown format: not understood, in no known format',
  );
});

const STATS: RecordingStats = {
  version: 1,
  sampleRate: 8000,
  sampleFrames: 80_000,
  durationMs: 10_000,
  silence: { ms: 1500, share: 0.15, longestMs: 900 },
  overlap: { ms: 200, share: 0.02 },
  channels: [
    {
      role: 'caller',
      talk: { ms: 4000, share: 0.4 },
      rmsDb: -21.72,
      peakDb: 0,
      dcOffset: 0.0123,
      clippedSamples: 7,
    },
    { talk: { ms: 0, share: 0 }, rmsDb: null, peakDb: null, dcOffset: 0, clippedSamples: 0 },
  ],
};

test('statistics say who talked, then how each channel sounds', () => {
  expect(statsLines(STATS)).toEqual([
    'talk: caller 40 %, channel 2 0 %, at once 2 %, nobody 15 % (longest 0:00.9)',
    'caller: level -21.7 dB, peak 0.0 dB, 7 clipped samples, offset 0.0123',
    'channel 2: digital silence',
  ]);
});

test('a time is read as people read it', () => {
  const times = [0, 49, 1340, 20_500, 59_960, 60_000, 221_999, 3_723_000].map(timeText);
  expect(times).toEqual(['0:00', '0:00', '0:01.3', '0:20.5', '1:00', '1:00', '3:41', '1:02:03']);
});
