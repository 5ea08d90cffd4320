import { describe, expect, test } from 'vitest';
import { CUTS, factsOf } from './feed.ts';
import { pcm16, tones } from './make-pcm.ts';

const TWO = ['caller', 'agent'] as ('caller' | 'agent')[];
const raw = (codec: string, sampleRate = 8000, channels = TWO) => ({
  container: 'raw',
  codec,
  sampleRate,
  channels,
});

describe('raw samples', () => {
  const cases = [
    ['pcm_s16le', 8000, 32_000, 1000],
    ['pcm_s16le', 48_000, 192_000, 1000],
    ['pcm_mulaw', 8000, 16_000, 1000],
    ['pcm_alaw', 16_000, 16_000, 500],
  ] as const;
  for (const [codec, rate, bytes, durationMs] of cases) {
    test(`${bytes} bytes of two-channel ${codec} at ${rate} Hz last ${durationMs} ms`, () => {
      expect(factsOf(tones(bytes / 4, 2), raw(codec, rate))).toMatchObject({
        container: 'raw',
        codec,
        sampleRate: rate,
        channels: 2,
        channelRoles: ['caller', 'agent'],
        durationMs,
        endState: 'complete',
        bytes,
        audioBytes: bytes,
        audioOffset: 0,
        warnings: [],
      });
    });
  }

  test('other names of G.711 and PCM in the event are understood', () => {
    expect(factsOf(tones(800, 2), raw('PCMU')).codec).toBe('pcm_mulaw');
    expect(factsOf(tones(800, 2), { codec: 'l16', sampleRate: 8000, channels: ['mixed'] }).container).toBe(
      'raw',
    );
  });

  test('a last sample frame that is not whole is a truncated recording', () => {
    const facts = factsOf(tones(8000, 2).subarray(0, -1), raw('pcm_s16le'));
    expect(facts).toMatchObject({ endState: 'truncated', sampleFrames: 7999, warnings: ['PARTIAL_FRAME'] });
  });

  test('raw without a rate or channels in the event cannot be counted', () => {
    const facts = factsOf(tones(800, 2), { container: 'raw', codec: 'pcm_s16le' });
    expect(facts).toMatchObject({ endState: 'unparseable', warnings: ['DECLARATION_INCOMPLETE'] });
  });

  test('a codec that is not read is unparseable', () => {
    expect(factsOf(tones(800, 2), raw('gsm'))).toMatchObject({
      endState: 'unparseable',
      warnings: ['FORMAT_UNSUPPORTED'],
    });
  });

  test('an error page that is declared as raw audio is unparseable', () => {
    const facts = factsOf(Buffer.from('<html>502</html>'), raw('pcm_s16le'));
    expect(facts).toMatchObject({
      container: 'unknown',
      endState: 'unparseable',
      warnings: ['FORMAT_UNKNOWN'],
    });
  });

  test('G.711 silence is not taken for MP3 where the event says raw', () => {
    const facts = factsOf(Buffer.alloc(16_000, 0xff), raw('pcm_mulaw'));
    expect(facts).toMatchObject({ container: 'raw', endState: 'silent' });
  });
});

describe('levels', () => {
  const speech = (frame: number) => Math.sin(frame / 5) / 4;
  const hush = (frame: number) => ((frame % 5) - 2) / 32_767;
  const verdicts = [
    ['both channels speak, differently', (f: number, c: number) => speech(f * (c + 1)), []],
    [
      'one channel is faint noise',
      (f: number, c: number) => (c === 0 ? speech(f) : hush(f)),
      ['DEAD_CHANNEL'],
    ],
    [
      'one channel is a constant offset',
      (f: number, c: number) => (c === 0 ? 0.3 : speech(f)),
      ['DEAD_CHANNEL'],
    ],
    [
      'one channel has a single click',
      (f: number, c: number) => (c === 0 ? speech(f) : Number(f === 9000)),
      ['DEAD_CHANNEL'],
    ],
    ['both channels are the same', (f: number) => speech(f), ['IDENTICAL_CHANNELS']],
    ['both channels are faint noise', hush, ['SILENT']],
    [
      'the channels differ in one sample at the end',
      (f: number, c: number) => (f === 15_999 ? c / 4 : speech(f)),
      [],
    ],
  ] as const;
  for (const [name, sample, warnings] of verdicts) {
    const bytes = pcm16(16_000, 2, sample);
    for (const [how, cut] of [['whole', () => () => bytes.length] as const, ...CUTS]) {
      test(`${name}, fed ${how}: ${warnings[0] ?? 'no warning'}`, () => {
        const facts = factsOf(bytes, raw('pcm_s16le'), cut());
        expect(facts.warnings).toEqual(warnings);
        expect(facts.endState).toBe(warnings[0] === 'SILENT' ? 'silent' : 'complete');
      });
    }
  }

  test('the idle value of A-law is silence, though it is not zero', () => {
    const facts = factsOf(Buffer.alloc(16_000, 0xd5), raw('pcm_alaw'));
    expect(facts).toMatchObject({ endState: 'silent', warnings: ['SILENT'] });
  });

  test('a short word in a short recording is not silence', () => {
    const bytes = pcm16(800, 1, speech);
    expect(factsOf(bytes, raw('pcm_s16le', 8000, ['mixed' as 'caller'])).warnings).toEqual([]);
  });
});
