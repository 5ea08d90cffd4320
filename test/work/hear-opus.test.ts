import { readFileSync } from 'node:fs';
import { describe, expect, test } from 'vitest';
import type { Decoder, Decoding } from '../../src/ports/decoder.ts';
import { hearOpus } from '../../src/work/hear-opus.ts';
import { fakeDecoder } from '../contract/fake-decoder.ts';
import { artifact, callEvent } from './given.ts';
import { SIGNAL } from './seen.ts';
import { openWorld } from './world.ts';

const CALL = readFileSync('samples/call.opus');
const WAV = readFileSync('samples/call.wav');

/** Counts the recordings that are begun, and notes what is dropped. */
function watched(inner: Decoder): Decoder & { readonly begun: Decoding[]; dropped: number } {
  const seen = {
    begun: [] as Decoding[],
    dropped: 0,
    begin: (recording: Parameters<Decoder['begin']>[0]): Decoding => {
      const decoding = inner.begin(recording);
      seen.begun.push(decoding);
      const drop = (): void => {
        seen.dropped += 1;
        decoding.drop();
      };
      return {
        push: (chunk) => decoding.push(chunk),
        end: async (signal) => await decoding.end(signal),
        drop,
      };
    },
    close: async () => await inner.close(),
  };
  return seen;
}

describe('what needs no decoder never meets one', () => {
  for (const [name, bytes] of [['WAV', WAV] as const, ['an empty recording', Buffer.alloc(0)] as const]) {
    test(`such as ${name}`, async () => {
      const decoder = watched(fakeDecoder());
      const hearing = hearOpus(decoder, undefined);
      hearing.push(bytes);
      expect(await hearing.end(SIGNAL)).toEqual({ made: [], warnings: [] });
      hearing.drop();
      expect(decoder.begun).toEqual([]);
    });
  }
});

test('the decoder hears the same recording, byte by byte at its beginning or whole', async () => {
  const whole = hearOpus(fakeDecoder(), undefined);
  whole.push(CALL);
  const cut = hearOpus(fakeDecoder(), undefined);
  for (let at = 0; at < 5000; at += 1) cut.push(CALL.subarray(at, at + 1));
  cut.push(CALL.subarray(5000));
  const heard = await whole.end(SIGNAL);
  expect(heard.made).toHaveLength(2);
  expect(await cut.end(SIGNAL)).toEqual(heard);
});

describe('a sealed call', () => {
  const event = callEvent({ artifacts: [artifact('audio', 'audio', 'c-1.opus')] });

  test('has peaks and statistics of its Opus recording, sealed beside it', async () => {
    const world = await openWorld({ parts: { decoder: fakeDecoder() } });
    world.put('c-1.opus', CALL);
    await world.handle(world.delivery(event));
    const { artifacts } = await world.receipt();
    expect(artifacts.map(({ id }) => id)).toEqual(['audio', 'audio~index', 'audio~peaks', 'audio~stats']);
    expect(artifacts[0]?.warnings).toEqual([]);
  });

  test('is sealed all the same, whatever the decoder says of it; the warning stands on the recording', async () => {
    const world = await openWorld({ parts: { decoder: fakeDecoder(1000) } });
    world.put('c-1.opus', CALL);
    await world.handle(world.delivery(event));
    const { artifacts } = await world.receipt();
    expect(artifacts.map(({ id }) => id)).toEqual(['audio', 'audio~index']);
    expect(artifacts[0]).toMatchObject({ warnings: ['DECODER_BUSY'], media: { endState: 'complete' } });
  });

  test('that fails leaves nothing in the decoder', async () => {
    const decoder = watched(fakeDecoder());
    const world = await openWorld({ parts: { decoder } });
    world.put('c-1.opus', CALL);
    const wrong = artifact('audio', 'audio', 'c-1.opus', { sha256: '0'.repeat(64) });
    await world.handle(world.delivery(callEvent({ artifacts: [wrong] })));
    expect(decoder.begun).toHaveLength(1);
    expect(decoder.dropped).toBe(1);
  });
});
