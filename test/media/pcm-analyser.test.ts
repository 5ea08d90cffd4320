import { describe, expect, test } from 'vitest';
import { createPcmAnalyser, type PcmAnalysis } from '../../src/media/pcm-analyser.ts';
import { seeded } from './feed.ts';
import { peaksOf } from './plain-peaks.ts';

const RATE = 8000;
/** Frames of one cell: a twentieth of a second. */
const CELL = RATE / 20;

/** Interleaved samples; `sample` gives -1..1 for a time in seconds and a channel. */
function samples(
  seconds: number,
  channels: number,
  sample: (at: number, channel: number) => number,
): Int16Array {
  return Int16Array.from({ length: Math.round(seconds * RATE) * channels }, (_, at) =>
    Math.round(32_767 * sample(Math.floor(at / channels) / RATE, at % channels)),
  );
}

function analysed(of: Int16Array, channels: number, cut: () => number = () => of.length): PcmAnalysis {
  const analyser = createPcmAnalyser({ channels, rate: RATE });
  for (let at = 0; at < of.length; ) {
    const end = Math.min(of.length, at + Math.max(1, cut()) * channels);
    analyser.push(of.slice(at, end));
    at = end;
  }
  return analyser.end();
}

const tone = (at: number): number => Math.sin(at * 440 * 2 * Math.PI) / 4;
/** Seconds in which somebody talks, as spans. */
const during =
  (...spans: readonly (readonly [from: number, to: number])[]) =>
  (at: number): number =>
    spans.some(([from, to]) => at >= from && at < to) ? tone(at) : 0;
const talk = (of: PcmAnalysis) => of.stats.channels.map((channel) => channel.talk.ms);

test('however the samples are cut, peaks and statistics are the same to the byte', () => {
  const random = seeded(7);
  const noise = samples(3.33, 2, () => (random() - 0.5) * (random() < 0.01 ? 2 : 0.3));
  const whole = analysed(noise, 2);
  for (const size of [1, 7, CELL, CELL + 1, 8192]) {
    const cut = analysed(noise, 2, () => size);
    expect(Buffer.compare(cut.peaks, whole.peaks)).toBe(0);
    expect(cut).toEqual(whole);
  }
});

describe('peaks', () => {
  for (const channels of [1, 2, 3]) {
    test(`of ${channels} channels are audiowaveform's, the last pixel of what is left`, () => {
      const random = seeded(channels);
      const noise = samples(2.51, channels, () => 2 * random() - 1);
      expect(Buffer.compare(analysed(noise, channels).peaks, peaksOf(noise, channels, RATE))).toBe(0);
    });
  }

  test('of a rate that 20 does not divide have whole samples a pixel', () => {
    const analyser = createPcmAnalyser({ channels: 1, rate: 11_025 });
    const noise = samples(2, 1, tone);
    analyser.push(noise);
    expect(Buffer.compare(analyser.end().peaks, peaksOf(noise, 1, 11_025))).toBe(0);
  });

  test('of too many pixels are joined two by two, and the file says how many samples that is', () => {
    const rate = 40; // two samples a cell: a long recording of few samples
    const random = seeded(9);
    const noise = Int16Array.from(
      { length: 2 * (2 ** 21 + 4321) + 1 },
      () => Math.floor(65_536 * random()) - 32_768,
    );
    const analyser = createPcmAnalyser({ channels: 1, rate });
    for (let at = 0; at < noise.length; at += 99_999) analyser.push(noise.subarray(at, at + 99_999));
    const { peaks } = analyser.end();
    expect(Buffer.compare(peaks, peaksOf(noise, 1, rate, 4))).toBe(0);
    expect(peaks.length).toBeLessThan(24 + 2 ** 21);
  });
});

describe('talk', () => {
  test('is what stands out of the noise, and silence is where nobody does', () => {
    const caller = during([1, 3]);
    const agent = during([4, 8]);
    const { stats } = analysed(
      samples(10, 2, (at, channel) => (channel === 0 ? caller : agent)(at)),
      2,
    );
    expect(stats.channels.map((channel) => channel.talk)).toEqual([
      { ms: 2000, share: 0.2 },
      { ms: 4000, share: 0.4 },
    ]);
    expect(stats.overlap).toEqual({ ms: 0, share: 0 });
    expect(stats.silence).toEqual({ ms: 4000, share: 0.4, longestMs: 2000 });
  });

  test('of two at once is overlap', () => {
    const { stats } = analysed(
      samples(10, 2, (at, channel) => during(channel === 0 ? [1, 5] : [4, 8])(at)),
      2,
    );
    expect(stats.overlap).toEqual({ ms: 1000, share: 0.1 });
    expect(stats.silence.ms).toBe(3000);
  });

  test('goes on over pauses of three tenths of a second, and not over longer ones', () => {
    expect(talk(analysed(samples(5, 1, during([1, 2], [2.3, 3])), 1))).toEqual([2000]);
    expect(talk(analysed(samples(5, 1, during([1, 2], [2.35, 3])), 1))).toEqual([1650]);
    // Nor before the first word, nor behind the last one.
    expect(talk(analysed(samples(5, 1, during([0.2, 4.8])), 1))).toEqual([4600]);
  });

  test('shorter than the wait for the end of a pause is counted all the same', () => {
    expect(talk(analysed(samples(0.12, 1, tone), 1))).toEqual([120]);
    expect(talk(analysed(samples(0.05, 1, tone), 1))).toEqual([50]);
  });

  test('is not what a noisy line makes for long', () => {
    const random = seeded(3);
    const hiss = samples(60, 1, () => (random() - 0.5) / 20);
    expect(analysed(hiss, 1).stats.channels[0]?.talk.share).toBeLessThan(0.2);
    const over = samples(
      60,
      1,
      (at) => (random() - 0.5) / 20 + during([30, 50])(at) * (Math.floor(at * 5) % 5 === 0 ? 0 : 1),
    );
    expect(talk(analysed(over, 1))[0]).toBeGreaterThan(19_000);
  });

  test('is not an offset, nor what is quieter than -50 dB', () => {
    expect(
      talk(
        analysed(
          samples(5, 1, () => 0.3),
          1,
        ),
      ),
    ).toEqual([0]);
    expect(
      talk(
        analysed(
          samples(5, 1, (at) => tone(at) / 100),
          1,
        ),
      ),
    ).toEqual([0]);
  });
});

describe('levels', () => {
  test('of a tone at a quarter of full scale are 12 dB below it, and 3 dB less on average', () => {
    const [channel] = analysed(samples(2, 1, tone), 1).stats.channels;
    expect(channel).toMatchObject({ peakDb: -12.04, rmsDb: -15.05, dcOffset: 0, clippedSamples: 0 });
  });

  test('of nothing but zeros are none', () => {
    const { stats, warnings, deadChannels } = analysed(new Int16Array(RATE), 1);
    expect(stats.channels[0]).toMatchObject({ peakDb: null, rmsDb: null, dcOffset: 0 });
    expect({ warnings, deadChannels }).toEqual({ warnings: ['SILENT'], deadChannels: [0] });
  });

  test('know an offset', () => {
    expect(
      analysed(
        samples(1, 1, (at) => tone(at) + 0.25),
        1,
      ).stats.channels[0]?.dcOffset,
    ).toBeCloseTo(0.25, 3);
  });

  test('three samples in a row at full scale are clipped, two are loud; a border of cells or pieces is none', () => {
    const loud = new Int16Array(3 * CELL);
    loud.set([32_767, 32_767], 10);
    loud.set([-32_768, -32_767, -32_768], 100);
    loud.set([32_767, 32_767, 32_767, 32_767], CELL - 2);
    for (const size of [1, 3, CELL, loud.length]) {
      expect(analysed(loud, 1, () => size).stats.channels[0]?.clippedSamples).toBe(7);
    }
  });

  test('clipping is at the largest sample that the codec has', () => {
    const analyser = createPcmAnalyser({ channels: 1, rate: RATE, fullScale: 32_124 });
    analyser.push(Int16Array.from([32_124, 32_124, 32_124, 0]));
    expect(analyser.end().stats.channels[0]?.clippedSamples).toBe(3);
  });
});

test('who is not heard is named; identical channels are told from different ones', () => {
  const heard = (sample: (at: number, channel: number) => number) => {
    const { warnings, deadChannels } = analysed(samples(2, 2, sample), 2);
    return { warnings, deadChannels };
  };
  expect(heard((at, channel) => (channel === 0 ? tone(at) : 0.0005))).toEqual({
    warnings: ['DEAD_CHANNEL'],
    deadChannels: [1],
  });
  expect(heard(tone)).toEqual({ warnings: ['IDENTICAL_CHANNELS'], deadChannels: [] });
  expect(heard((at, channel) => tone(at + channel))).toEqual({
    warnings: ['IDENTICAL_CHANNELS'],
    deadChannels: [],
  });
  expect(heard((at, channel) => tone(at * (1 + channel)))).toEqual({ warnings: [], deadChannels: [] });
});

test('nothing at all is peaks of no pixel, and statistics of no time', () => {
  const { peaks, stats, warnings } = analysed(new Int16Array(0), 2);
  expect(peaks.length).toBe(24);
  expect(stats).toMatchObject({ sampleFrames: 0, durationMs: 0, silence: { ms: 0, share: 0, longestMs: 0 } });
  expect(warnings).toEqual([]);
});

test('a sample frame that is not whole, or a format that is none, is refused', () => {
  expect(() => createPcmAnalyser({ channels: 2, rate: RATE }).push(new Int16Array(3))).toThrow(RangeError);
  expect(() => createPcmAnalyser({ channels: 0, rate: RATE })).toThrow(RangeError);
  expect(() => createPcmAnalyser({ channels: 1, rate: 0 })).toThrow(RangeError);
});

test('memory does not grow with the recording beyond its peaks', () => {
  const analyser = createPcmAnalyser({ channels: 2, rate: 48_000 });
  const piece = new Int16Array(2 * 48_000);
  const before = process.memoryUsage().arrayBuffers;
  for (let second = 0; second < 1800; second += 1) analyser.push(piece);
  expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(2 ** 20);
  expect(analyser.end().stats.durationMs).toBe(1_800_000);
});
