import { describe, expect, test } from 'vitest';
import { createTap } from '../../src/media/tap.ts';
import { factsOf } from './feed.ts';
import { tones, wav } from './make-pcm.ts';

describe('tap', () => {
  test('an empty recording is empty, whatever is declared', () => {
    for (const declared of [undefined, { container: 'wav' }, { container: 'ogg', codec: 'opus' }]) {
      expect(createTap(declared).end()).toMatchObject({
        bytes: 0,
        endState: 'empty',
        warnings: ['NO_AUDIO'],
      });
    }
  });

  test('a chunk is neither changed nor detached', () => {
    const bytes = wav(tones(8000, 2));
    const chunk = Uint8Array.from(bytes);
    const tap = createTap(undefined);
    tap.push(chunk);
    expect(Buffer.compare(chunk, bytes)).toBe(0);
    tap.end();
  });

  test('a chunk that breaks the parser becomes a warning, not an exception', () => {
    const tap = createTap(undefined);
    tap.push(wav(tones(8000, 2)));
    const broken = new Proxy(new Uint8Array(10), {
      get: (target, key) =>
        key === 'subarray'
          ? () => {
              throw new Error('broken');
            }
          : Reflect.get(target, key, target),
    });
    tap.push(broken);
    expect(tap.end()).toMatchObject({ endState: 'unparseable', warnings: ['PARSER_FAILED'], bytes: 32_054 });
  });

  test('a used-up budget ends the parsing and is a warning', () => {
    const tap = createTap(undefined, { parseMs: -1 });
    tap.push(wav(tones(8000, 2)));
    expect(tap.end()).toMatchObject({
      endState: 'unparseable',
      warnings: ['PARSE_BUDGET_EXCEEDED'],
      bytes: 32_044,
    });
  });

  test('facts are plain JSON', () => {
    const facts = factsOf(wav(tones(8000, 2)), { channels: ['caller', 'agent'] });
    expect(JSON.parse(JSON.stringify(facts))).toEqual(facts);
  });
});
