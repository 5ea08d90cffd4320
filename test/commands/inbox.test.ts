import { describe, expect, test } from 'vitest';
import type { SkipDesk } from '../../src/commands/app.ts';
import type { Place } from '../../src/domain/deliveries.ts';
import { CallsealError } from '../../src/domain/errors.ts';
import { auditor } from '../../src/work/auditor.ts';
import { run } from './host.ts';

const WORDS = 'inbox skip --topic calls --partition 3 --offset 7';

function deskOf(look: () => Promise<void> = async () => undefined) {
  const seen = { skipped: [] as Place[], closed: 0 };
  const nothing = async (): Promise<void> => undefined;
  const parts: SkipDesk['parts'] = {
    inbox: { look, skip: async (place) => void seen.skipped.push(place), close: nothing },
    registry: { openIntent: nothing, closeIntent: nothing },
    auditor: auditor({
      writer: { instance: 'i', version: '1.2.3' },
      actor: { kind: 'operator', id: 'me' },
      now: () => new Date(0),
    }),
  };
  return { seen, skipDesk: async () => ({ parts, close: async () => void seen.closed++ }) };
}

describe('callseal inbox skip', () => {
  test('skips the one record and says what comes next', async () => {
    const { seen, skipDesk } = deskOf();
    expect(await run(`${WORDS} --ticket OPS-1`, { skipDesk })).toMatchObject({
      code: 0,
      stdout: 'skipped calls/3/7\n',
      stderr: 'callseal: the worker that has the partition goes on within some seconds\n',
    });
    expect(seen).toEqual({ skipped: [{ topic: 'calls', partition: 3, offset: 7 }], closed: 1 });
    const { stdout } = await run(`${WORDS} --ticket OPS-1 --json`, { skipDesk });
    expect(JSON.parse(stdout)).toEqual({ topic: 'calls', partition: 3, offset: 7, skipped: true });
  });

  test('that is refused exits 7 and closes what it opened', async () => {
    const refused = new CallsealError('REFUSED', 'the record at calls/3/7 can be read');
    const { seen, skipDesk } = deskOf(async () => await Promise.reject(refused));
    expect(await run(`${WORDS} --ticket OPS-1`, { skipDesk })).toMatchObject({
      code: 7,
      stdout: '',
      stderr: 'callseal: error: the record at calls/3/7 can be read\n',
    });
    expect(seen).toEqual({ skipped: [], closed: 1 });
  });

  test.each([
    [WORDS, 'a record is skipped under a ticket'],
    [WORDS.replace('7', '-1'), 'whole number'],
    [WORDS.replace('3', 'x'), 'whole number'],
  ])('%s: usage, and nothing is opened', async (words, message) => {
    const ran = await run(words);
    expect(ran).toMatchObject({ code: 2, stdout: '', opened: 0 });
    expect(ran.stderr).toContain(message);
  });
});
