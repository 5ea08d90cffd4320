import { describe, expect, test } from 'vitest';
import { createPcmAnalyser } from '../../src/media/pcm-analyser.ts';
import { withRoles } from '../../src/media/pcm-stats.ts';
import { type CutRequest, cutRecording } from '../../src/work/cut-recording.ts';
import { openArtifact } from '../../src/work/open-artifact.ts';
import { oggOpus } from '../media/make-ogg.ts';
import { packets20ms } from '../media/make-opus.ts';
import { artifact, callEvent } from './given.ts';
import { brief, SIGNAL, settled } from './seen.ts';
import { openWorld, type World } from './world.ts';

const RATE = 8000;
const SECONDS = 100;
/** Every sample frame is another one, so a cut that is off by one is another cut. */
const PCM = Buffer.alloc(RATE * SECONDS * 4);
for (let i = 0; i < RATE * SECONDS; i++) PCM.writeUInt32LE((i * 40_503) >>> 0, i * 4);
const MEDIA = {
  container: 'raw',
  codec: 'pcm_s16le',
  sampleRate: RATE,
  channels: ['caller', 'agent'],
} as const;
const REQUEST: CutRequest = {
  tenant: 't-1',
  call: 'c-1',
  artifact: 'audio',
  fromMs: 20_000,
  toMs: 30_500,
  reason: 'a complaint',
};

async function sealedWorld(revision = 1): Promise<World> {
  const world = await openWorld();
  world.put('audio', PCM);
  world.put('summary', '{"a":1}');
  const artifacts = [
    artifact('audio', 'audio', 'audio', { media: { ...MEDIA, channels: [...MEDIA.channels] } }),
    artifact('summary', 'summary', 'summary'),
  ];
  settled(await world.handle(world.delivery(callEvent({ revision, artifacts }))));
  return world;
}

const cutOf = async (world: World, change: Partial<CutRequest> = {}) =>
  await cutRecording(world, { ...REQUEST, ...change }, SIGNAL);

test('index, peaks and statistics of a recording are sealed beside it, under its key, and stand behind it in the receipt', async () => {
  const { artifacts } = await (await sealedWorld()).receipt();
  expect(artifacts.map(({ id, kind }) => `${id} ${kind}`)).toEqual([
    'audio audio',
    'audio~index index',
    'audio~peaks peaks',
    'audio~stats stats',
    'summary summary',
  ]);
  const made = artifacts.filter(({ id }) => id.startsWith('audio~'));
  expect(new Set(made.map(({ keyName }) => keyName))).toEqual(new Set([artifacts[0]?.keyName]));
  expect(new Set(made.map(({ keyClass }) => keyClass))).toEqual(new Set(['phi']));
});

test('what is sealed as peaks and statistics is what listening to the recording gives', async () => {
  const world = await sealedWorld();
  const opened = async (id: string): Promise<Buffer> => {
    const { plaintext } = await openArtifact(world, { ...REQUEST, artifact: id }, SIGNAL);
    return Buffer.concat(await Array.fromAsync(plaintext));
  };
  const analyser = createPcmAnalyser({ channels: 2, rate: RATE });
  analyser.push(new Int16Array(PCM.buffer, PCM.byteOffset, PCM.length / 2));
  const { peaks, stats } = analyser.end();
  expect((await opened('audio~peaks')).equals(peaks)).toBe(true);
  expect(JSON.parse((await opened('audio~stats')).toString())).toEqual(withRoles(stats, MEDIA.channels));
});

test('of what is no audio nothing is made', async () => {
  const world = await openWorld();
  world.put('summary', '{"a":1}');
  const artifacts = [artifact('summary', 'summary', 'summary')];
  settled(await world.handle(world.delivery(callEvent({ artifacts }))));
  expect((await world.receipt()).artifacts.map(({ id }) => id)).toEqual(['summary']);
});

test('what was made of a recording follows it when that is carried over', async () => {
  const world = await sealedWorld();
  const artifacts = [
    artifact('audio', 'audio', 'audio', { media: { ...MEDIA, channels: [...MEDIA.channels] } }),
  ];
  settled(await world.handle(world.delivery(callEvent({ revision: 2, artifacts }))));
  const receipt = await world.receipt();
  expect(receipt.revision).toBe(2);
  expect(receipt.artifacts.map(({ id, carriedFrom }) => `${id} ${carriedFrom}`)).toEqual([
    'audio 1',
    'audio~index 1',
    'audio~peaks 1',
    'audio~stats 1',
  ]);
  expect((await cutOf(world)).scanned).toBe(false);
});

describe('a cut by time', () => {
  test('is a WAV of exactly the wanted samples, opened from no more than these', async () => {
    const { bytes, openedBytes, scanned } = await cutOf(await sealedWorld());
    const wanted = PCM.subarray(20 * RATE * 4, 30.5 * RATE * 4);
    expect(bytes.subarray(-wanted.length).equals(wanted)).toBe(true);
    expect(bytes.subarray(0, 4).toString()).toBe('RIFF');
    expect({ openedBytes, scanned }).toEqual({ openedBytes: wanted.length, scanned: false });
  });

  test('is the same without an index: the recording is read whole, and that is said', async () => {
    const world = await sealedWorld();
    const indexed = await cutOf(world);
    const registry = {
      ...world.registry,
      currentReceipt: async (...args: Parameters<typeof world.registry.currentReceipt>) => {
        const receipt = await world.registry.currentReceipt(...args);
        return receipt && { ...receipt, artifacts: receipt.artifacts.filter(({ kind }) => kind !== 'index') };
      },
    };
    const without = await cutRecording({ ...world, registry }, REQUEST, SIGNAL);
    expect(without.scanned).toBe(true);
    expect(without.bytes.equals(indexed.bytes)).toBe(true);
  });

  test('is one use of the key, with a reason, like any other opening', async () => {
    const world = await sealedWorld();
    const before = (await world.facts()).length;
    await cutOf(world);
    const facts = brief((await world.facts()).slice(before));
    expect(facts.filter((fact) => !fact.startsWith('key.generate'))).toEqual([
      'artifact.open ok',
      'key.unwrap intent',
      'key.unwrap ok',
    ]);
  });

  test('of one channel is a WAV of one channel, the same by its role and by its number', async () => {
    const world = await sealedWorld();
    const wanted = PCM.subarray(20 * RATE * 4, 30.5 * RATE * 4);
    for (const [channel, number] of ['caller', 'agent'].entries()) {
      const samples = Buffer.alloc(wanted.length / 2);
      for (let at = 0; at < samples.length; at += 2)
        wanted.copy(samples, at, 2 * at + 2 * channel, 2 * at + 2 * channel + 2);
      const { bytes } = await cutOf(world, { channel: number });
      expect(bytes.readUInt16LE(22)).toBe(1);
      expect(bytes.subarray(-samples.length).equals(samples)).toBe(true);
      expect((await cutOf(world, { channel: String(channel + 1) })).bytes.equals(bytes)).toBe(true);
    }
  });

  test('of a channel that is not there is refused before any key is used', async () => {
    const world = await sealedWorld();
    const before = await world.facts();
    for (const channel of ['mixed', '0', '3', 'Agent', '']) {
      await expect(cutOf(world, { channel })).rejects.toMatchObject({
        code: 'CHANNEL_UNKNOWN',
        hint: 'by number: --channel 1 to 2',
      });
    }
    expect(await world.facts()).toEqual(before);
  });

  const uncuttable = [
    [
      'a chained Ogg file',
      Buffer.concat([
        oggOpus({ packets: packets20ms(50) }),
        oggOpus({ serial: 2, packets: packets20ms(50) }),
      ]),
      'several Ogg streams',
    ],
    ['what is not understood', Buffer.from('<html>502</html>'), 'not understood'],
  ] as const;
  for (const [name, recording, why] of uncuttable) {
    test(`of ${name} is refused before any key is used, and sent to opening it whole`, async () => {
      const world = await openWorld();
      world.put('audio', recording);
      settled(
        await world.handle(world.delivery(callEvent({ artifacts: [artifact('audio', 'audio', 'audio')] }))),
      );
      const before = await world.facts();
      await expect(cutOf(world, { fromMs: 0, toMs: 500 })).rejects.toMatchObject({
        code: 'RANGE_OUTSIDE',
        message: expect.stringContaining(why),
        hint: expect.stringContaining('open it whole'),
      });
      expect(await world.facts()).toEqual(before);
    });
  }

  test('behind the end is refused', async () => {
    const world = await sealedWorld();
    const behind = cutOf(world, { fromMs: SECONDS * 1000, toMs: SECONDS * 1000 + 500 });
    await expect(behind).rejects.toMatchObject({ code: 'RANGE_OUTSIDE' });
  });

  test('of something else than a recording is refused before any key is used', async () => {
    const world = await sealedWorld();
    const before = await world.facts();
    await expect(cutOf(world, { artifact: 'summary' })).rejects.toMatchObject({ code: 'USAGE' });
    expect(await world.facts()).toEqual(before);
  });
});
