import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import {
  compareWithEvent,
  endStateOf,
  inOrder,
  MEDIA_WARNINGS,
  type MediaFacts,
} from '../../src/domain/media.ts';

const facts: MediaFacts = {
  container: 'wav',
  codec: 'pcm_s16le',
  sampleRate: 8000,
  channels: 2,
  durationMs: 480_000,
  bytes: 7_680_044,
  endState: 'complete',
  warnings: [],
};
const event = { durationMs: 480_000, bytes: 7_680_044 };

describe('end states', () => {
  test('no warning is a complete recording', () => expect(endStateOf([])).toBe('complete'));
  test('the worst warning decides', () => {
    expect(endStateOf(['SILENT', 'ENDS_EARLY'])).toBe('truncated');
    expect(endStateOf(['ENDS_EARLY', 'GAPS', 'TRAILING_BYTES'])).toBe('damaged');
    expect(endStateOf(['FORMAT_UNSUPPORTED', 'GAPS'])).toBe('unparseable');
  });
  test('warnings are listed once, in the order of the table', () => {
    expect(inOrder(new Set(MEDIA_WARNINGS.toReversed()))).toEqual(MEDIA_WARNINGS);
  });
});

test('docs/audio.md explains every warning, with the end state it stands for', () => {
  const rows = readFileSync('docs/audio.md', 'utf8').matchAll(/^\| `([A-Z_]+)` \| (\w+) \|/gm);
  const explained = [...rows].map(([, code, state]) => ({ code, state }));
  expect(explained).toEqual(MEDIA_WARNINGS.map((code) => ({ code, state: endStateOf([code]) })));
});

describe('facts against the event', () => {
  test('what agrees gives no warning', () => {
    const declared = {
      container: 'wav',
      codec: 'pcm_s16le',
      sampleRate: 8000,
      channels: ['caller' as const, 'agent' as const],
    };
    expect(compareWithEvent(facts, declared, event)).toEqual([]);
  });
  test('what the event leaves out is not compared', () => {
    expect(compareWithEvent(facts, undefined, {})).toEqual([]);
  });

  const mismatches = [
    ['CONTAINER_MISMATCH', { container: 'ogg' }, event],
    ['CODEC_MISMATCH', { codec: 'pcm_mulaw' }, event],
    ['SAMPLE_RATE_MISMATCH', { sampleRate: 16_000 }, event],
    ['CHANNELS_MISMATCH', { channels: ['mixed' as const] }, event],
    ['DURATION_MISMATCH', undefined, { durationMs: 500_000 }],
    ['BYTES_MISMATCH', undefined, { bytes: 7_680_045 }],
  ] as const;
  for (const [code, declared, said] of mismatches) {
    test(`${code} alone where only that differs`, () => {
      const copy = declared && 'channels' in declared ? { channels: [...declared.channels] } : declared;
      expect(compareWithEvent(facts, copy, said)).toEqual([code]);
    });
  }

  test('a duration may differ by two seconds or two per cent, whichever is more', () => {
    expect(compareWithEvent(facts, undefined, { durationMs: 489_700 })).toEqual([]);
    expect(compareWithEvent({ ...facts, durationMs: 3000 }, undefined, { durationMs: 5000 })).toEqual([]);
    expect(compareWithEvent({ ...facts, durationMs: 2999 }, undefined, { durationMs: 5000 })).toEqual([
      'DURATION_MISMATCH',
    ]);
  });
  test('RF64 may be declared as WAV, WebM as Matroska', () => {
    expect(compareWithEvent({ ...facts, container: 'rf64' }, { container: 'wav' }, {})).toEqual([]);
    expect(compareWithEvent({ ...facts, container: 'matroska' }, { container: 'WebM' }, {})).toEqual([]);
  });
  test('Opus may be declared by the rate it plays at or the rate before encoding', () => {
    const opus = { ...facts, sampleRate: 48_000, inputSampleRate: 8000 };
    expect(compareWithEvent(opus, { sampleRate: 8000 }, {})).toEqual([]);
    expect(compareWithEvent(opus, { sampleRate: 48_000 }, {})).toEqual([]);
    expect(compareWithEvent(opus, { sampleRate: 16_000 }, {})).toEqual(['SAMPLE_RATE_MISMATCH']);
  });
});
