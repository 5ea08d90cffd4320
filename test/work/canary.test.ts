import { randomBytes } from 'node:crypto';
import { expect, test } from 'vitest';
import { CallsealError } from '../../src/domain/errors.ts';
import type { Output } from '../../src/domain/outputs.ts';
import { createLog } from '../../src/ops/log.ts';
import { logObserver } from '../../src/ops/log-observer.ts';
import type { Verdict } from '../../src/ports/inbox.ts';
import { PARKED_DIMENSIONS } from '../../src/ports/parked.ts';
import { exportKey } from '../../src/work/export-key.ts';
import { openArtifact } from '../../src/work/open-artifact.ts';
import { auditOutput, relayPending } from '../../src/work/relay-audit.ts';
import { SWEEP_TIMES, sweep } from '../../src/work/sweep.ts';
import { verifyReceipt } from '../../src/work/verify-calls.ts';
import { artifact, callEvent } from './given.ts';
import { collect, filesUnder, SIGNAL } from './seen.ts';
import { openWorld, type World, type WorldOptions } from './world.ts';

/** Content, and what an edge may write where it should not: it stands nowhere that we write. */
const WORDS = {
  spoken: 'Zelda Quibblewort',
  number: '+4930901820',
  key: 'Key of Quentin Farthingale',
  header: 'Header of Hortensia Mumblecrust',
  field: 'Field of Ferdinand Ostrichfeather',
  model: 'Model of Mirabel',
  container: 'Container of Konstanze',
  broken: 'Broken Barnaby Thistlewick',
  error: 'Error of Ernestine Pockets',
  reason: 'Reason of Rosalind Kettledrum',
};

/** Facts that the receipt keeps, in the registry alone: they travel no further. */
const KEPT = { ref: 'Ref-of-Reginald', pause: 'Pause of Petronella', path: 'Path-of-Philomena' };

const TALK = `{"turns":[{"who":"caller","text":"${WORDS.spoken}, ${WORDS.number}"}]}`;
const PATHS = { there: `${KEPT.path}.json`, audio: `${KEPT.path}.wav`, gone: `${KEPT.path}-gone.json` };

function worded(call: string, more: Parameters<typeof callEvent>[0] = {}) {
  const event = callEvent({
    call,
    consent: { recording: 'granted', voiceprint: 'granted', ref: KEPT.ref },
    pauses: [{ fromMs: 0, toMs: 1, reason: KEPT.pause }],
    artifacts: [
      artifact('transcript', 'transcript', PATHS.there),
      artifact('audio', 'audio', PATHS.audio, { media: { container: WORDS.container, codec: WORDS.model } }),
      artifact('vector', 'embedding', PATHS.there, {
        vector: { model: WORDS.model, dtype: 'f32', dimensions: 9 },
      }),
    ],
    ...more,
  });
  return { ...event, note: WORDS.field };
}

/** Whoever would leave a trace of the words is given to. */
interface Traces {
  readonly log: string[];
  readonly outputs: Output[];
  readonly handOvers: Verdict[];
}

async function pushedThrough(): Promise<{ world: World; traces: Traces }> {
  const traces: Traces = { log: [], outputs: [], handOvers: [] };
  const observer = logObserver(createLog('debug', { write: (line) => void traces.log.push(line) }));
  let fails: (() => unknown) | undefined;
  const options: WorldOptions = {
    parts: {
      onAnswer: (row) => observer.answered(row),
      onFailure: (error, delivery) => observer.failed(error, delivery),
    },
    sources: (real) => ({
      ...real,
      open: async (ref, signal) => {
        if (fails) throw fails();
        return await real.open(ref, signal);
      },
    }),
  };
  const world = await openWorld(options);
  world.put(PATHS.there, TALK);
  world.put(PATHS.audio, Buffer.concat([Buffer.from(TALK), randomBytes(70_000), Buffer.from(TALK)]));
  const deliver = async (event: Parameters<World['delivery']>[0], failure?: () => unknown): Promise<void> => {
    fails = failure;
    const more = { key: WORDS.key, headers: { ...world.delivery(callEvent()).headers, note: WORDS.header } };
    const verdict = await world.handle(world.delivery(event, more));
    if (verdict.do === 'settle') traces.outputs.push(...verdict.outputs);
    else traces.handOvers.push(verdict);
    world.intake.passed('t-1', ['edge']);
  };
  const cause = (): Error => new Error(WORDS.error);

  await deliver(worded('c-1')); // sealed
  await deliver(Buffer.from(`{"text":"${WORDS.broken}"`)); // parked: unreadable
  await deliver(worded('c-2', { artifacts: [] })); // parked: at fault
  await deliver({ ...worded('c-3'), tenant: 't-9' }); // parked: nobody's
  await deliver(worded('c-4', { consent: { recording: 'denied', ref: KEPT.ref } })); // refused
  await deliver(worded('c-5', { artifacts: [artifact('t', 'transcript', PATHS.gone)] })); // handed over
  await deliver(worded('c-6'), () => Object.assign(cause(), { name: WORDS.error.replaceAll(' ', '') })); // a bug
  await deliver(worded('c-7'), () => new CallsealError('STORE_DOWN', 'away', { cause: cause() })); // paused
  await deliver(worded('c-1', { revision: 2 })); // carried over
  await deliver(worded('c-1', { revision: 1, durationMs: 2 })); // superseded
  return { world, traces };
}

/** What operators do with it afterwards. */
async function operated(world: World): Promise<void> {
  const target = { tenant: 't-1', call: 'c-1', artifact: 'transcript', reason: WORDS.reason };
  const { plaintext } = await openArtifact(world, target, SIGNAL);
  expect(String(await collect(plaintext))).toBe(TALK);
  await exportKey(world, { ...target, keyClass: 'phi' }, SIGNAL);
  for await (const check of verifyReceipt(world, await world.receipt(), SIGNAL)) {
    expect(check.result).toBe('ok');
  }
  world.clock.ms += SWEEP_TIMES.graceMs + 1;
  await sweep({ ...world, times: SWEEP_TIMES }, false, SIGNAL);
  const relay = { holder: 'w-1', leaseMs: 30_000, batch: 100 };
  await relayPending({ audit: world.registry, events: world.events }, relay, SIGNAL);
}

test('invented names and words go through every path and stand in nothing that we write', async () => {
  const { world, traces } = await pushedThrough();
  await operated(world);
  const answers = (await world.rows('select answer, code from answers')).map(({ answer, code }) =>
    [answer, code].filter(Boolean).join(' '),
  );
  expect(answers.toSorted()).toEqual([
    'parked BUG',
    'parked EVENT_NOT_JSON',
    'parked NO_ARTIFACT',
    'parked TENANT_UNKNOWN',
    'refused CONSENT_DENIED',
    'sealed-with-warnings',
    'sealed-with-warnings',
    'superseded REVISION_LOWER',
  ]);
  expect(traces.handOvers.map((verdict) => verdict.do)).toEqual(['hand-over', 'wait']);
  expect(traces.log.length).toBeGreaterThan(9);

  const texts: [string, Buffer][] = [
    ['log', Buffer.from(traces.log.join(''))],
    ['hand-overs', Buffer.from(JSON.stringify(traces.handOvers))],
    ['object names', Buffer.from((await world.objectNames()).join('\n'))],
    ['audit rows', Buffer.from(JSON.stringify(await world.facts()))],
    ['lists of dead letters', Buffer.from(JSON.stringify(await listed(world)))],
  ];
  for await (const event of world.registry.chain(1, SIGNAL)) texts.push(['audit', auditOutput(event).value]);
  for (const { topic, key, headers, value } of traces.outputs) {
    texts.push(
      [`${topic} value`, value],
      [`${topic} headers`, Buffer.from(JSON.stringify({ key, headers }))],
    );
  }
  const files = filesUnder(world.data).map(({ path, bytes }): [string, Buffer] => [path, bytes]);

  const names = Object.values(WORDS).map((word) => word.replaceAll(' ', ''));
  expect(findings([...Object.values(WORDS), ...names], [...texts, ...files])).toEqual([]);
  expect(findings(Object.values(KEPT), texts)).toEqual([]);
  // It can find them: the sources hold them.
  const sources = filesUnder(world.folder).map(({ path, bytes }): [string, Buffer] => [path, bytes]);
  expect(findings([WORDS.spoken], sources)).not.toEqual([]);
});

/** What lists and statistics of dead letters are made of. */
async function listed({ registry }: World): Promise<unknown> {
  const newSince = '2026-01-01T00:00:00.000Z';
  const groups = PARKED_DIMENSIONS.map(
    async (by) => await registry.parkedGroups({}, { by, newSince }, SIGNAL),
  );
  return [await registry.parked({}, { newSince, limit: 100 }, SIGNAL), await Promise.all(groups)];
}

function findings(words: readonly string[], places: readonly (readonly [string, Buffer])[]): string[] {
  return words.flatMap((word) =>
    places
      .filter(([, bytes]) => spellings(word).some((spelling) => bytes.includes(spelling)))
      .map(([where]) => `${word} in ${where}`),
  );
}

/** As it is, and as an encoding of it somewhere in the middle of other bytes could look. */
function spellings(word: string): (string | Buffer)[] {
  const bytes = Buffer.from(word);
  const base64 = [0, 1, 2].map((shift) => Buffer.concat([Buffer.alloc(shift), bytes]).toString('base64'));
  return [word, bytes.toString('hex'), ...base64.map((text) => text.slice(4, -4))];
}
