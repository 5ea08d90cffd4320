import { isDeepStrictEqual } from 'node:util';
import * as fc from 'fast-check';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { GeneratedKey, KeyContext, WrappedRow } from '../../src/ports/keys.ts';
import { failureCode } from './failure-code.ts';
import type { KeysWorld } from './keys-worlds.ts';

const never = new AbortController().signal;
const CONTEXT: KeyContext = {
  tenant: 't-42',
  callUid: 'call-uid',
  class: 'phi',
  purpose: 'seal',
  attempt: 'attempt-uid',
};
/** A damaged wrapping may name another KEK version before it proves to be damaged. */
const REFUSALS = ['NOT_AUTHENTIC', 'KEY_UNKNOWN'];

/** What every keys adapter must do (src/ports/keys.ts). */
export function keysContract(name: string, make: () => Promise<KeysWorld>): void {
  describe(`keys: ${name}`, () => {
    let world: KeysWorld;

    beforeEach(async () => {
      world = await make();
    });
    afterEach(async () => {
      await world.keys.close();
      await world.dispose();
    });

    const generate = async (context = CONTEXT, kek = world.keks.phi): Promise<GeneratedKey> =>
      await world.keys.generate(kek, context, never);
    const unwrapEnds = async (row: WrappedRow): Promise<string> =>
      await failureCode(world.keys.unwrap(row, never));
    const rewrapEnds = async (row: WrappedRow): Promise<string> =>
      await failureCode(world.keys.rewrap(row, never));

    describe('generate and unwrap', () => {
      test('a call key is 32 secret bytes and comes back from its wrapping', async () => {
        const { callKey, wrapped, kek } = await generate();
        expect([callKey.type, callKey.symmetricKeySize]).toEqual(['secret', 32]);
        const unwrapped = await world.keys.unwrap({ wrapped, kek, context: CONTEXT }, never);
        expect(unwrapped.callKey.equals(callKey)).toBe(true);
      });

      test('no two call keys and no two wrappings are alike', async () => {
        const made = await Promise.all(Array.from({ length: 8 }, async () => await generate()));
        expect(new Set(made.map(({ callKey }) => callKey.export().toString('hex'))).size).toBe(8);
        expect(new Set(made.map(({ wrapped }) => wrapped.toString('hex'))).size).toBe(8);
      });

      test('the wrapping does not hold the key', async () => {
        const { callKey, wrapped } = await generate();
        expect(wrapped.includes(callKey.export())).toBe(false);
      });

      test('the KEK and its material are named as describe names them', async () => {
        const { kek, materialId } = await generate();
        expect(await world.keys.describe(world.keks.phi, never)).toEqual({
          kek,
          materialId,
          state: 'enabled',
        });
        expect(await world.keys.describe(kek, never)).toEqual({ kek, materialId, state: 'enabled' });
        expect((await generate(CONTEXT, world.keks.other)).kek).not.toBe(kek);
      });

      test('the order of the context does not matter', async () => {
        const { callKey, wrapped, kek } = await generate();
        const context = Object.fromEntries(Object.entries(CONTEXT).toReversed());
        expect((await world.keys.unwrap({ wrapped, kek, context }, never)).callKey.equals(callKey)).toBe(
          true,
        );
      });

      const others: Readonly<Record<string, KeyContext>> = {
        'one value changed': { ...CONTEXT, attempt: 'another' },
        'a name more': { ...CONTEXT, more: '' },
        'a name less': Object.fromEntries(Object.entries(CONTEXT).filter(([key]) => key !== 'attempt')),
        'names and values shifted': { ...CONTEXT, attempt: 'call-uid', callUid: 'attempt-uid' },
        'none at all': {},
      };
      for (const [how, context] of Object.entries(others)) {
        test(`another context does not open it: ${how}`, async () => {
          const { wrapped, kek } = await generate();
          expect(await unwrapEnds({ wrapped, kek, context })).toBe('NOT_AUTHENTIC');
          expect(await rewrapEnds({ wrapped, kek, context })).toBe('NOT_AUTHENTIC');
        });
      }

      test('any two different contexts keep their keys apart', async () => {
        const text = fc.string({
          minLength: 1,
          maxLength: 12,
          unit: fc.constantFrom('a', 'b', ':', '"', '\\', ',', '{', 'é'),
        });
        const contexts = fc.dictionary(text, text, { minKeys: 1, maxKeys: 4 });
        const keptApart = fc.asyncProperty(contexts, contexts, async (one, other) => {
          const { wrapped, kek } = await generate(one);
          const ends = await unwrapEnds({ wrapped, kek, context: other });
          expect(ends).toBe(isDeepStrictEqual(one, other) ? 'none' : 'NOT_AUTHENTIC');
        });
        await fc.assert(keptApart, { seed: 42, numRuns: 60 });
      });

      test('another KEK does not open it, not even of the same tenant', async () => {
        const { wrapped } = await generate();
        for (const other of [world.keks.voiceprint, world.keks.other]) {
          const { kek } = await world.keys.describe(other, never);
          expect(await unwrapEnds({ wrapped, kek, context: CONTEXT })).toBe('NOT_AUTHENTIC');
          expect(await rewrapEnds({ wrapped, kek, context: CONTEXT })).toBe('NOT_AUTHENTIC');
        }
      });

      test('a flipped bit anywhere in a wrapping is a coded error, never a key', async () => {
        const { wrapped, kek } = await generate();
        for (let at = 0; at < wrapped.length; at++) {
          const damaged = Buffer.from(wrapped);
          damaged[at] = (damaged[at] ?? 0) ^ (1 << (at % 8));
          expect(REFUSALS).toContain(await unwrapEnds({ wrapped: damaged, kek, context: CONTEXT }));
        }
      });

      test('a wrapping of another length is a coded error', async () => {
        const { wrapped, kek } = await generate();
        for (const cut of [0, 1, 4, 5, 17, wrapped.length - 16, wrapped.length - 1]) {
          expect(REFUSALS).toContain(
            await unwrapEnds({ wrapped: wrapped.subarray(0, cut), kek, context: CONTEXT }),
          );
        }
        const longer = Buffer.concat([wrapped, Buffer.alloc(1)]);
        expect(REFUSALS).toContain(await unwrapEnds({ wrapped: longer, kek, context: CONTEXT }));
      });
    });

    describe('rewrap', () => {
      test('new material: older wrappings still open, new ones name it, a rewrap moves to it', async () => {
        const old = await generate();
        await world.rotate(world.keks.phi);
        const { materialId } = await world.keys.describe(world.keks.phi, never);
        expect(materialId).not.toBe(old.materialId);
        expect((await generate()).materialId).toBe(materialId);

        const row = { wrapped: old.wrapped, kek: old.kek, context: CONTEXT };
        expect((await world.keys.unwrap(row, never)).callKey.equals(old.callKey)).toBe(true);
        const moved = await world.keys.rewrap(row, never);
        expect([moved.kek, moved.materialId]).toEqual([old.kek, materialId]);
        expect(moved.wrapped.equals(old.wrapped)).toBe(false);
        const opened = await world.keys.unwrap({ ...row, wrapped: moved.wrapped }, never);
        expect(opened.callKey.equals(old.callKey)).toBe(true);
      });

      test('one KEK is rotated alone', async () => {
        const before = await world.keys.describe(world.keks.other, never);
        await world.rotate(world.keks.phi);
        expect(await world.keys.describe(world.keks.other, never)).toEqual(before);
      });
    });

    test('a KEK that is not there is KEY_UNKNOWN, for its tenant alone', async () => {
      const { wrapped } = await generate();
      const row = { wrapped, kek: world.unknown, context: CONTEXT };
      for (const act of [
        async () => await world.keys.generate(world.unknown, CONTEXT, never),
        async () => await world.keys.describe(world.unknown, never),
        async () => await world.keys.unwrap(row, never),
        async () => await world.keys.rewrap(row, never),
      ]) {
        await expect(act()).rejects.toMatchObject({ code: 'KEY_UNKNOWN', scope: { tenant: 't-42' } });
      }
    });

    test('ensure makes a missing KEK once, or says that it makes none', async () => {
      const many = Array.from({ length: 5 }, async () => await world.keys.ensure(world.unknown, never));
      const ended = await Promise.all(many.map(failureCode));
      expect(ended).toEqual(Array(5).fill(world.makesKeks ? 'none' : 'KEY_UNKNOWN'));
      const states = await Promise.allSettled([...many, world.keys.describe(world.unknown, never)]);
      const made = states.flatMap((state) => (state.status === 'fulfilled' ? [state.value.materialId] : []));
      expect(new Set(made).size).toBe(world.makesKeks ? 1 : 0);
    });

    test('ensure leaves a KEK that is there as it is', async () => {
      const { callKey, wrapped, kek } = await generate();
      const before = await world.keys.describe(world.keks.phi, never);
      const ended = await failureCode(world.keys.ensure(world.keks.phi, never));
      expect(ended).toBe(world.makesKeks ? 'none' : 'KEY_UNKNOWN');
      expect(await world.keys.describe(world.keks.phi, never)).toEqual(before);
      const opened = await world.keys.unwrap({ wrapped, kek, context: CONTEXT }, never);
      expect(opened.callKey.equals(callKey)).toBe(true);
    });

    test('an aborted signal is refused by every method', async () => {
      const { wrapped, kek } = await generate();
      const aborted = AbortSignal.abort();
      const row = { wrapped, kek, context: CONTEXT };
      for (const act of [
        async () => await world.keys.generate(world.keks.phi, CONTEXT, aborted),
        async () => await world.keys.unwrap(row, aborted),
        async () => await world.keys.rewrap(row, aborted),
        async () => await world.keys.describe(world.keks.phi, aborted),
        async () => await world.keys.ensure(world.keks.phi, aborted),
      ]) {
        await expect(act()).rejects.toMatchObject({ name: 'AbortError' });
      }
    });
  });
}
