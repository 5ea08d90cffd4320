import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Command } from 'commander';
import type { Settings } from '../config/schema.ts';
import { inboxTopics } from '../config/tenant-settings.ts';
import type { AnswerRow } from '../domain/answers.ts';
import { type Place, placeText, recordKey } from '../domain/deliveries.ts';
import { CallsealError, exitOf } from '../domain/errors.ts';
import type { Receipt } from '../domain/receipts.ts';
import { cutRecording } from '../work/cut-recording.ts';
import { openArtifact } from '../work/open-artifact.ts';
import { openStats } from '../work/open-stats.ts';
import { type ArtifactCheck, verifyReceipt } from '../work/verify-calls.ts';
import type { App } from './app.ts';
import { type DemoCall, demoCall, flipBit, phrasesInClear, phrasesSpoken, sample } from './demo-story.ts';
import { STRUCTURED } from './event-file.ts';
import { example } from './frame.ts';
import { formatWords, stateWords, statsLines } from './recording-words.ts';
import { untilAnswered } from './until-answered.ts';

/** `callseal demo`: one invented call through the real worker, from the edge's event to the proof. */
export function registerDemo(program: Command, app: App): void {
  example(
    program
      .command('demo')
      .description('take a sample call through the real worker and show what became of it')
      .action(() => demo(app)),
    'callseal demo',
  );
}

async function demo(app: App): Promise<void> {
  const { settings } = await app.settings();
  if (settings.objects.kind !== 'files' || !settings.tenants['demo']) {
    throw new CallsealError('REFUSED', 'the demo runs on the embedded profile only', {
      hint: 'callseal demo --profile local',
    });
  }
  const { registry } = await app.ports();
  const known = await registry.calls({ tenant: 'demo' }, app.signal);
  const call = await demoCall(new Set(known.map((summary) => summary.call)));

  await tellCall(app, call);
  const sealed = await sealIt(app, settings, call);
  const receipt = await registry.currentReceipt(call.tenant, call.call, app.signal);
  if (!receipt) throw new CallsealError('BUG', 'the demo call was answered and has no receipt');
  await tellSealed(app, sealed, receipt);
  await tellTalk(app, call);
  await tellAnnounced(app, receipt);
  await tellNothingInClear(app, receipt);
  await tellRange(app, call);
  await tellCut(app, call);
  await tellVerified(app, receipt);
  await tellTampered(app, settings, receipt);
  await tellRepeated(app, settings, call);
  tellWhatNext(app, call);
}

/** A line of the story: a heading and what is said, with the figures for `--json`. */
async function tell(app: App, step: string, says: string, figures: Record<string, unknown>): Promise<void> {
  await app.voice.item({ step, ...figures }, () => `${step.padEnd(11)} ${says}`);
}

async function tellCall(app: App, { tenant, call, artifacts }: DemoCall): Promise<void> {
  const bytes = (await readFile(sample('call.wav'))).length;
  const others = artifacts.filter(({ kind }) => kind !== 'audio').map(({ kind }) => kind);
  await tell(
    app,
    'a call ends',
    `${recordKey(tenant, call)}: ${size(bytes)} of two-channel audio, and ${others.join(', ')}`,
    { tenant, call, audioBytes: bytes, artifacts: artifacts.length },
  );
}

interface SealedDemo {
  readonly row: AnswerRow;
  readonly place: Place;
  readonly ms: number;
}

async function sealIt(app: App, settings: Settings, call: DemoCall): Promise<SealedDemo> {
  const { inbox } = await app.ports();
  const from = performance.now();
  const place = await inbox.publish(
    {
      topic: inboxTopics(settings)[0] ?? '',
      key: recordKey(call.tenant, call.call),
      headers: STRUCTURED,
      value: call.event,
    },
    app.signal,
  );
  const row = await untilAnswered(app, place, call.event, 30);
  return { row, place, ms: Math.round(performance.now() - from) };
}

async function tellSealed(app: App, { row, place, ms }: SealedDemo, receipt: Receipt): Promise<void> {
  const { artifacts } = receipt;
  const bytes = artifacts.reduce((sum, { sealedBytes }) => sum + sealedBytes, 0);
  const classes = new Set(artifacts.map(({ keyClass }) => keyClass));
  const keys = new Set(artifacts.map(({ keyName }) => keyName));
  await tell(app, 'published', `as ${placeText(place)}`, { ...place });
  await tell(
    app,
    'sealed',
    `${row.answer} in ${ms} ms: ${artifacts.length} objects, ${size(bytes)}; ${keys.size} key requests, one per key class (${[...classes].join(', ')})`,
    { answer: row.answer, ms, objects: artifacts.length, sealedBytes: bytes, keyRequests: keys.size },
  );
  const audio = artifacts.find(({ kind }) => kind === 'audio');
  if (!audio?.media) return;
  await tell(app, 'heard', `${formatWords(audio.media)}: ${stateWords(audio.media, audio.warnings)}`, {
    media: audio.media,
  });
}

/** From the statistics that lie sealed beside the recording, opened as `callseal show --stats` does. */
async function tellTalk(app: App, { tenant, call }: DemoCall): Promise<void> {
  const parts = { ...(await app.ports()), ...(await app.desk()) };
  const request = { tenant, call, artifact: 'audio', reason: 'the demo shows statistics' };
  const stats = await openStats(parts, request, app.signal);
  const [talk = '', ...levels] = statsLines(stats);
  await tell(app, 'talk', [talk.replace('talk: ', ''), ...levels].join('; '), { stats });
}

async function tellAnnounced(app: App, { tenant, call }: Receipt): Promise<void> {
  const { events } = await app.ports();
  const key = recordKey(tenant, call);
  const bytes: number[] = [];
  for (const topic of ['outcome', 'transcripts'] as const) {
    for await (const record of events.read(topic, { follow: false }, app.signal)) {
      if (record.key === key) bytes.push(record.value.length);
    }
  }
  const audit = await events.last('audit', app.signal);
  const head: { seq: number } | undefined = audit && JSON.parse(audit.value.toString());
  const seq = head?.seq ?? 0;
  const [outcome = 0, transcript = 0] = bytes;
  await tell(
    app,
    'announced',
    `one outcome (${size(outcome)}), one sealed transcript (${size(transcript)}); the audit chain has ${seq} events`,
    { outcomeBytes: outcome, transcriptBytes: transcript, auditSeq: seq },
  );
}

async function tellNothingInClear(app: App, { artifacts }: Receipt): Promise<void> {
  const { objects } = await app.ports();
  const phrases = await phrasesSpoken();
  const found = await phrasesInClear(phrases, objects, artifacts, app.signal);
  await tell(
    app,
    'in clear',
    `${found} of the ${phrases.size} phrases of the transcript can be read in the stored bytes`,
    { phrases: phrases.size, found },
  );
}

const RANGE = { from: 400_000, toExclusive: 416_000 };

async function tellRange(app: App, { tenant, call }: DemoCall): Promise<void> {
  const parts = { ...(await app.ports()), ...(await app.desk()) };
  const from = performance.now();
  const request = { tenant, call, artifact: 'audio', range: RANGE, reason: 'the demo shows a range' };
  const { plaintext } = await openArtifact(parts, request, app.signal);
  const chunks: Buffer[] = [];
  for await (const chunk of plaintext) chunks.push(chunk);
  const ms = Math.round(performance.now() - from);
  const wanted = (await readFile(sample('call.wav'))).subarray(RANGE.from, RANGE.toExclusive);
  const same = Buffer.concat(chunks).equals(wanted);
  await tell(
    app,
    'opened',
    `bytes ${RANGE.from} to ${RANGE.toExclusive - 1} (one second of the call) in ${ms} ms: ${same ? 'the same as the source' : 'NOT the same as the source'}`,
    { ...RANGE, ms, same },
  );
}

const CUT = { fromMs: 20_000, toMs: 30_500 };

async function tellCut(app: App, { tenant, call }: DemoCall): Promise<void> {
  const parts = { ...(await app.ports()), ...(await app.desk()) };
  const request = { tenant, call, artifact: 'audio', ...CUT, reason: 'the demo shows a cut' };
  const { bytes, openedBytes, artifact } = await cutRecording(parts, request, app.signal);
  await tell(
    app,
    'cut',
    `0:20 to 0:30.5 as a WAV that plays: ${size(bytes.length)}, opened from ${share(openedBytes, artifact.plainBytes)} of the recording`,
    { ...CUT, bytes: bytes.length, openedBytes },
  );
}

async function tellVerified(app: App, receipt: Receipt): Promise<void> {
  const checks = await verified(app, receipt);
  const ok = checks.filter(({ result }) => result === 'ok').length;
  await tell(app, 'verified', `${ok} of ${checks.length} objects decrypt, and match the receipt`, {
    ok,
    of: checks.length,
  });
}

async function verified(app: App, receipt: Receipt): Promise<ArtifactCheck[]> {
  const parts = { ...(await app.ports()), ...(await app.desk()) };
  return await Array.fromAsync(verifyReceipt(parts, receipt, app.signal));
}

async function tellTampered(app: App, { objects }: Settings, receipt: Receipt): Promise<void> {
  const audio = receipt.artifacts.find(({ kind }) => kind === 'audio');
  if (!audio) throw new CallsealError('BUG', 'the demo call has no audio');
  const path = join(objects.kind === 'files' ? objects.root : '', audio.object);
  const byte = Math.floor(audio.sealedBytes / 2);
  await flipBit(path, byte, 0);
  let checks: ArtifactCheck[];
  try {
    checks = await verified(app, receipt);
  } finally {
    await flipBit(path, byte, 0);
  }
  const failed = checks.find(({ result }) => result === 'failed');
  const code = failed?.code ?? 'BUG';
  await tell(
    app,
    'tampered',
    `one bit of byte ${byte} flipped: ${failed ? `${code}, exit code ${exitOf(code)}` : 'NOT noticed'}; flipped back`,
    { byte, code: failed?.code, exitCode: failed ? exitOf(code) : undefined },
  );
}

async function tellRepeated(app: App, settings: Settings, call: DemoCall): Promise<void> {
  const { row, place } = await sealIt(app, settings, call);
  await tell(app, 'repeated', `the same event once more, as ${placeText(place)}: ${row.answer}`, {
    ...place,
    answer: row.answer,
  });
}

function tellWhatNext({ voice }: App, { tenant, call }: DemoCall): void {
  if (voice.json) return;
  voice.say('try next:');
  voice.say('  bin/callseal seal --tenant me --call my-first --audio YOUR-RECORDING.wav');
  voice.say(`  bin/callseal open ${tenant}/${call} transcript --reason 'looking around'`);
  voice.say('  bin/callseal verify --all');
}

function size(bytes: number): string {
  return `${bytes.toLocaleString('en')} bytes`;
}

function share(part: number, whole: number): string {
  return `${Math.round((100 * part) / whole)} %`;
}
