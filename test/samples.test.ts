import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { callEventSchema, type EventArtifact } from '../src/domain/call-event.ts';

interface Turn {
  speaker: 'caller' | 'agent';
  startMs: number;
  endMs: number;
  text: string;
}

const folder = join(import.meta.dirname, '../samples');
const bytesOf = (name: string): Buffer => readFileSync(join(folder, name));
const json = (name: string) => JSON.parse(bytesOf(name).toString());

const event = json('event.json');
const durationMs: number = event.data.durationMs;
const artifacts: EventArtifact[] = event.data.artifacts;
const audio = artifacts.find(({ kind }) => kind === 'audio')!;
const turns: Turn[] = json('transcript.json').turns;
const wav = readWav(bytesOf('call.wav'));

describe('the event', () => {
  test('is a CloudEvent in structured mode for revision 1 of call intake-0001 of tenant demo', () => {
    expect(event).toMatchObject({
      specversion: '1.0',
      type: 'callseal.call.completed.v1',
      datacontenttype: 'application/json',
      data: { tenant: 'demo', call: 'intake-0001', revision: 1 },
    });
  });

  test('is what the schema takes, and holds no field that the schema does not know', () => {
    expect(callEventSchema.parse(event.data)).toEqual(event.data);
  });

  test('grants the recording and the voiceprint that it sends', () => {
    expect(event.data.consent).toMatchObject({ recording: 'granted', voiceprint: 'granted' });
  });

  test.each(artifacts)('points with $id to a file that is here', ({ source }) => {
    expect(source.alias).toBe('samples');
    expect(existsSync(join(folder, source.key))).toBe(true);
  });

  test('points to every file but those about the call: the script, the event itself, the other codec', () => {
    const about = ['README.md', 'call.opus', 'event.json', 'script.json'];
    const keys = artifacts.map(({ source }) => source.key);
    expect([...keys, ...about].toSorted()).toEqual(readdirSync(folder).toSorted());
  });

  test('states the length and the SHA-256 of the audio as they are', () => {
    const bytes = bytesOf(audio.source.key);
    expect(audio.bytes).toBe(bytes.length);
    expect(audio.sha256).toBe(createHash('sha256').update(bytes).digest('hex'));
  });

  test('states codec, rate, channels and duration of the audio as its header has them', () => {
    expect(audio.media).toMatchObject({ container: 'wav', codec: 'mulaw', channels: ['caller', 'agent'] });
    expect(wav).toMatchObject({ format: MULAW, channels: 2, rate: audio.media?.sampleRate, bits: 8 });
    expect(wav.samples.length / wav.channels / (wav.rate / 1000)).toBe(durationMs);
  });
});

describe('the audio', () => {
  test('lasts 60 to 90 seconds', () => {
    expect(durationMs).toBeGreaterThanOrEqual(60_000);
    expect(durationMs).toBeLessThanOrEqual(90_000);
  });

  test.each([
    ['caller', 0],
    ['agent', 1],
  ] as const)('carries on its channel the %s and nobody else', (speaker, channel) => {
    const own = turns.filter((turn) => turn.speaker === speaker);
    const edges = own.flatMap(({ startMs, endMs }) => [startMs, endMs - 1]);
    expect(edges.filter((ms) => !isHeard(channel, ms))).toEqual([]);
    const outside = Array.from({ length: durationMs }, (_, ms) => ms).filter(
      (ms) => !own.some(({ startMs, endMs }) => startMs <= ms && ms < endMs),
    );
    expect(outside.filter((ms) => isHeard(channel, ms))).toEqual([]);
  });

  test('is as long in Ogg Opus as in WAV', () => {
    const opus = bytesOf('call.opus');
    const preSkip = opus.readUInt16LE(opus.indexOf('OpusHead') + 10); // RFC 7845, 5.1
    const lastGranule = Number(opus.readBigInt64LE(opus.lastIndexOf('OggS') + 6)); // RFC 3533, 6
    expect(lastGranule - preSkip).toBe(durationMs * 48);
  });
});

describe('what was derived from the call', () => {
  test('the transcript has the turns of the script, one after another, within the audio', () => {
    const said = ({ speaker, text }: Turn) => ({ speaker, text });
    expect(turns.map(said)).toEqual(json('script.json').turns.map(said));
    const times = turns.flatMap(({ startMs, endMs }) => [startMs, endMs]);
    expect([0, ...times, durationMs]).toEqual(
      [...new Set([0, ...times, durationMs])].toSorted((a, b) => a - b),
    );
  });

  test.each([
    ['sentiment.json', 'caller'],
    ['context.json', 'agent'],
  ])('%s has one entry for each turn of the %s', (name, speaker) => {
    const expected = turns.flatMap((turn, at) => (turn.speaker === speaker ? [at + 1] : []));
    expect(json(name).turns.map(({ turn }: { turn: number }) => turn)).toEqual(expected);
  });

  test('the lead score is what its factors add up to', () => {
    const { score, factors } = json('lead-score.json');
    const points = factors.reduce((sum: number, factor: { points: number }) => sum + factor.points, 0);
    expect(score).toBe(points / 100);
  });

  test.each(artifacts.filter(({ vector }) => vector))(
    'the $id is as long as the event says, and of length 1',
    (artifact) => {
      const bytes = bytesOf(artifact.source.key);
      expect(bytes.length).toBe(4 * artifact.vector!.dimensions!);
      const values = Array.from({ length: bytes.length / 4 }, (_, at) => bytes.readFloatLE(4 * at));
      expect(Math.hypot(...values)).toBeCloseTo(1, 6);
    },
  );
});

test('all samples together take at most 2 MB', () => {
  const total = readdirSync(folder).reduce((sum, name) => sum + statSync(join(folder, name)).size, 0);
  expect(total).toBeLessThanOrEqual(2_000_000);
});

test('a telephone number in the samples is one that nobody can have (555-0100 to 555-0199)', () => {
  const texts = readdirSync(folder).filter((name) => /\.(json|md)$/.test(name));
  const numbers = texts.flatMap(
    (name) =>
      bytesOf(name)
        .toString()
        .match(/\b\d{3}-\d{4}\b/g) ?? [],
  );
  expect(numbers).not.toEqual([]);
  expect(numbers.filter((number) => !number.startsWith('555-01'))).toEqual([]);
});

const MULAW = 7; // WAVE_FORMAT_MULAW

/** Enough of RIFF for one well-formed file, and nothing of ours: the samples are what the product's own parser is shown. */
function readWav(bytes: Buffer) {
  const chunk = (id: string): Buffer => {
    const at = bytes.indexOf(id, 12, 'latin1');
    return bytes.subarray(at + 8, at + 8 + bytes.readUInt32LE(at + 4));
  };
  const fmt = chunk('fmt ');
  return {
    format: fmt.readUInt16LE(0),
    channels: fmt.readUInt16LE(2),
    rate: fmt.readUInt32LE(4),
    bits: fmt.readUInt16LE(14),
    samples: chunk('data'),
  };
}

/** Whether this millisecond of the channel holds anything but mu-law's two zeros (G.711). */
function isHeard(channel: number, ms: number): boolean {
  const perMs = wav.rate / 1000;
  for (let at = ms * perMs; at < (ms + 1) * perMs; at++) {
    const sample = wav.samples[at * wav.channels + channel];
    if (sample !== 0xff && sample !== 0x7f) return true;
  }
  return false;
}
