// Speaks samples/script.json with two voices and writes the call and everything derived from it into samples/.
// Run by scripts/make-samples, which sees to the tools: espeak-ng, sox, opusenc.
// usage: node scripts/make-samples.ts WORK_FOLDER
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const ROLES = ['caller', 'agent'] as const; // channel 0, channel 1
type Role = (typeof ROLES)[number];

interface Turn {
  readonly speaker: Role;
  /** Silence of both sides before this turn. */
  readonly pauseMs: number;
  readonly text: string;
  /** What the voice reads, where it is not `text`. */
  readonly say?: string;
  /** -1 to 1; turns of the caller only. */
  readonly sentiment?: number;
  /** What the model was given for this turn; turns of the agent only. */
  readonly context?: { readonly prompt: string; readonly retrieved: readonly unknown[] };
}
interface Script {
  readonly call: {
    readonly tenant: string;
    readonly call: string;
    readonly startedAt: string;
    readonly consentRef: string;
  };
  readonly voices: Readonly<
    Record<Role, { readonly name: string; readonly wordsPerMinute: number; readonly pitch: number }>
  >;
  readonly leadInMs: number;
  readonly tailMs: number;
  readonly turns: readonly Turn[];
  readonly summary: { readonly text: string; readonly reason: string; readonly nextSteps: readonly string[] };
  readonly leadScore: { readonly factors: readonly { readonly name: string; readonly points: number }[] };
}
/** A turn with its audio (16-bit mono) and where it stands in the call. */
interface SpokenTurn extends Turn {
  readonly samples: Int16Array;
  readonly startMs: number;
  readonly endMs: number;
}

const RATE = 8000;
const SAMPLES_PER_MS = RATE / 1000;
const SILENCE_BELOW = 200; // of 32768, about -44 dB: quieter than any phoneme once a turn peaks at -6 dB
const EMBEDDING = { id: 'embedding', model: 'demo-text-1', dimensions: 1536 };
const VOICEPRINT = { id: 'voiceprint', model: 'demo-voice-1', dimensions: 256 };

const folder = join(import.meta.dirname, '../samples');
const [work = ''] = process.argv.slice(2);
if (work === '') throw new Error('usage: node scripts/make-samples.ts WORK_FOLDER');

const script: Script = JSON.parse(readFileSync(join(folder, 'script.json'), 'utf8'));
const turns = layOut();
const durationMs = (turns.at(-1)?.endMs ?? 0) + script.tailMs;

writeAudio();
writeJson('transcript.json', transcript());
writeJson('context.json', context());
writeJson('summary.json', script.summary);
writeJson('sentiment.json', sentiment());
writeJson('lead-score.json', leadScore());
writeFileSync(join(folder, 'embedding.f32'), unitVector(EMBEDDING));
writeFileSync(join(folder, 'voiceprint.f32'), unitVector(VOICEPRINT));
writeJson('event.json', callCompleted(readFileSync(join(folder, 'call.wav'))));

/** One after another, each a whole number of milliseconds long, so that the times of the transcript are exact. */
function layOut(): SpokenTurn[] {
  let clockMs = script.leadInMs;
  return script.turns.map((turn) => {
    const samples = speak(turn);
    const startMs = clockMs + turn.pauseMs;
    clockMs = startMs + Math.ceil(samples.length / SAMPLES_PER_MS);
    return { ...turn, samples, startMs, endMs: clockMs };
  });
}

/** A telephone's band, peak -6 dB, without the silence that the voice puts around its words. */
function speak({ speaker, text, say = text }: Turn): Int16Array {
  const voice = script.voices[speaker];
  const spoken = join(work, 'spoken.wav');
  const narrow = join(work, 'narrow.raw');
  run('espeak-ng', ['-v', voice.name, '-s', voice.wordsPerMinute, '-p', voice.pitch, '-w', spoken, say]);
  // -D: dither is noise, and noise would fill the silence
  const band = ['gain', -6, 'rate', RATE, 'highpass', 300, 'lowpass', 3400, 'gain', '-n', -6];
  run('sox', ['-D', spoken, '-t', 'raw', '-e', 'signed', '-b', 16, '-L', narrow, ...band]);
  const samples = int16(readFileSync(narrow));
  const audible = (sample: number) => Math.abs(sample) >= SILENCE_BELOW;
  return samples.slice(samples.findIndex(audible), samples.findLastIndex(audible) + 1);
}

function writeAudio(): void {
  const tracks = ROLES.flatMap((role) => {
    const path = join(work, `${role}.raw`);
    writeFileSync(path, track(role));
    return ['-t', 'raw', '-r', RATE, '-e', 'signed', '-b', 16, '-L', '-c', 1, path];
  });
  const pcm = join(work, 'call.wav');
  run('sox', ['-D', '-M', ...tracks, pcm]);
  run('sox', ['-D', pcm, '-e', 'mu-law', join(folder, 'call.wav')]);
  // 40 kb/s: up to 32 opusenc couples the channels, and each voice can be measured in the other one's.
  run('opusenc', ['--quiet', '--serial', 1, '--bitrate', 40, pcm, join(folder, 'call.opus')]);
}

function track(role: Role): Int16Array {
  const samples = new Int16Array(durationMs * SAMPLES_PER_MS);
  for (const turn of turns) {
    if (turn.speaker === role) samples.set(turn.samples, turn.startMs * SAMPLES_PER_MS);
  }
  return samples;
}

function transcript() {
  const spoken = turns.map(({ speaker, startMs, endMs, text }) => ({ speaker, startMs, endMs, text }));
  return { language: 'en', turns: spoken };
}

function context() {
  return { turns: turns.flatMap(({ context: given }, at) => (given ? [{ turn: at + 1, ...given }] : [])) };
}

function sentiment() {
  const scored = turns.flatMap(({ sentiment: score }, at) =>
    score === undefined ? [] : [{ turn: at + 1, score }],
  );
  const mean = scored.reduce((sum, { score }) => sum + score, 0) / scored.length;
  return { overall: Number(mean.toFixed(2)), turns: scored };
}

function leadScore() {
  const { factors } = script.leadScore;
  return { score: factors.reduce((sum, { points }) => sum + points, 0) / 100, factors };
}

/** `dimensions` float32, little-endian, of length 1; drawn from a hash of the vector's name. */
function unitVector({ id, dimensions }: typeof EMBEDDING): Buffer {
  const random = createHash('shake256', { outputLength: 4 * dimensions })
    .update(`callseal sample ${id}`)
    .digest();
  const draws = Array.from({ length: dimensions }, (_, at) => random.readInt32LE(4 * at));
  const length = Math.sqrt(draws.reduce((sum, draw) => sum + draw * draw, 0));
  const vector = Buffer.alloc(4 * dimensions);
  draws.forEach((draw, at) => vector.writeFloatLE(draw / length, 4 * at));
  return vector;
}

/** callseal.call.completed.v1 as a CloudEvent in structured mode. call.opus is no part of it: same call, other codec. */
function callCompleted(wav: Buffer) {
  const { tenant, call, startedAt, consentRef } = script.call;
  const from = (key: string) => ({ alias: 'samples', key });
  const vector = ({ id, model, dimensions }: typeof EMBEDDING) => ({
    id,
    kind: id,
    source: from(`${id}.f32`),
    vector: { model, dimensions, dtype: 'f32' },
  });
  return {
    specversion: '1.0',
    id: `${call}.1`,
    source: 'urn:callseal:samples',
    type: 'callseal.call.completed.v1',
    subject: `${tenant}/${call}`,
    time: new Date(Date.parse(startedAt) + durationMs).toISOString(),
    datacontenttype: 'application/json',
    data: {
      tenant,
      call,
      revision: 1,
      startedAt,
      durationMs,
      direction: 'inbound',
      consent: { recording: 'granted', voiceprint: 'granted', ref: consentRef },
      pauses: [],
      artifacts: [
        {
          id: 'audio',
          kind: 'audio',
          source: from('call.wav'),
          media: { container: 'wav', codec: 'mulaw', sampleRate: RATE, channels: ROLES },
          bytes: wav.length,
          sha256: createHash('sha256').update(wav).digest('hex'),
        },
        { id: 'transcript', kind: 'transcript', source: from('transcript.json') },
        { id: 'context', kind: 'context', source: from('context.json') },
        { id: 'summary', kind: 'summary', source: from('summary.json') },
        { id: 'sentiment', kind: 'sentiment', source: from('sentiment.json') },
        { id: 'lead-score', kind: 'leadScore', source: from('lead-score.json') },
        vector(EMBEDDING),
        vector(VOICEPRINT),
      ],
    },
  };
}

function writeJson(name: string, value: unknown): void {
  writeFileSync(join(folder, name), `${JSON.stringify(value, null, 2)}\n`);
}

function int16(bytes: Buffer): Int16Array {
  return new Int16Array(new Uint8Array(bytes).buffer); // a copy: a Buffer may start at an odd address
}

function run(command: string, words: readonly (string | number)[]): void {
  execFileSync(command, words.map(String), { stdio: ['ignore', 'ignore', 'inherit'] });
}
