import { readFileSync } from 'node:fs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Decoded, Decoder, Decoding, OpusRecording } from '../../src/ports/decoder.ts';

const never = new AbortController().signal;
const OGG: OpusRecording = { container: 'ogg', declared: { channels: ['caller', 'agent'] } };
const SNIFFED = 4096;

/** A call of 1:17; its first part is a shorter recording, whose end is missing. */
const CALL = readFileSync('samples/call.opus');
const PART = CALL.subarray(0, 60_000);

/** What every decoder must do (src/ports/decoder.ts). @param make - with room for `queueBytes`, where it is told. */
export function decoderContract(name: string, make: (queueBytes?: number) => Promise<Decoder>): void {
  describe(`decoder: ${name}`, () => {
    let decoder: Decoder;
    beforeEach(async () => {
      decoder = await make();
    });
    afterEach(async () => {
      await decoder.close();
    });

    const pushed = (bytes: Buffer, chunk = bytes.length, recording = OGG): Decoding => {
      const decoding = decoder.begin(recording);
      for (let at = 0; at < bytes.length; ) {
        const size = at === 0 ? Math.max(SNIFFED, chunk) : chunk;
        // A chunk of its own, overwritten at once: whoever keeps it instead of copying hears noise.
        const own = Buffer.from(bytes.subarray(at, at + size));
        decoding.push(own);
        own.fill(0xa5);
        at += size;
      }
      return decoding;
    };
    const decoded = async (bytes: Buffer, chunk?: number): Promise<Decoded> =>
      await pushed(bytes, chunk).end(never);

    test('a recording comes to peaks and statistics, with the roles that the event says', async () => {
      const { made, warnings } = await decoded(CALL);
      expect(made.map(({ kind }) => kind)).toEqual(['peaks', 'stats']);
      expect(warnings).toEqual([]);
      const [peaks, stats] = made;
      expect(peaks?.bytes.readInt32LE(0)).toBe(2);
      expect(JSON.parse(String(stats?.bytes))).toMatchObject({
        durationMs: 76_743,
        channels: [{ role: 'caller' }, { role: 'agent' }],
      });
    });

    test('what is made does not depend on how the recording was cut', async () => {
      const whole = await decoded(PART);
      expect(whole.made).toHaveLength(2);
      for (const chunk of [977, 65_536]) expect(await decoded(PART, chunk)).toEqual(whole);
    });

    test('recordings beside each other do not see each other', async () => {
      const alone = [await decoded(PART), await decoded(CALL)];
      const beside = [pushed(PART), pushed(CALL, 4096)];
      expect(await Promise.all(beside.map(async (each) => await each.end(never)))).toEqual(alone);
    });

    test('what is no Opus comes to nothing, and an empty recording too', async () => {
      for (const bytes of [Buffer.from('<html>502</html>'), Buffer.alloc(0), Buffer.alloc(100_000, 'OggS')]) {
        expect((await decoded(bytes)).made).toEqual([]);
      }
    });

    test('a recording that is dropped costs the next one nothing, at any time and twice', async () => {
      decoder.begin(OGG).drop();
      const begun = pushed(CALL);
      begun.drop();
      begun.drop();
      begun.push(PART);
      expect((await decoded(PART)).made).toHaveLength(2);
    });

    test('end rejects where its signal is aborted, before or while it waits', async () => {
      await expect(pushed(PART).end(AbortSignal.abort())).rejects.toThrow('abort');
      const stop = new AbortController();
      const ending = pushed(CALL).end(stop.signal);
      stop.abort();
      await expect(ending).rejects.toThrow('abort');
    });

    test('what does not fit is given up, and what fits is decoded', async () => {
      await decoder.close();
      decoder = await make(100_000);
      const large = pushed(CALL);
      const small = pushed(PART);
      expect(await large.end(never)).toEqual({ made: [], warnings: ['DECODER_BUSY'] });
      expect((await small.end(never)).made).toHaveLength(2);
      expect((await decoded(PART)).made).toHaveLength(2);
    });

    test('closed, it gives up what is in hand and takes nothing more', async () => {
      const ending = pushed(CALL, 4096).end(never);
      await decoder.close();
      expect((await ending).made).toEqual([]);
      expect((await decoded(PART)).made).toEqual([]);
    });
  });
}
