import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { openSqliteEvents } from '../../../src/adapters/events/sqlite.ts';
import { onNews } from '../../../src/adapters/inbox/news.ts';
import { openSqliteInbox } from '../../../src/adapters/inbox/sqlite.ts';
import { topicNames } from '../../../src/adapters/inbox/topics.ts';
import type { SqlDatabase } from '../../../src/adapters/registry/sql.ts';
import { openSqlite } from '../../../src/adapters/sqlite/connection.ts';
import { CallsealError } from '../../../src/domain/errors.ts';
import type { Output, OutputTopic } from '../../../src/domain/outputs.ts';
import type { Handler } from '../../../src/ports/inbox.ts';

/** For the tests that write thousands of records. */
const PATIENT_MS = 60_000;
const DAY_MS = 24 * 60 * 60 * 1000;
const topics = topicNames('callseal');
const [inboxTopic] = topics.inbox as [string];
const never = new AbortController().signal;
const settle: Handler = async () => ({ do: 'settle', outputs: [] });

let folder: string;
let database: SqlDatabase;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'callseal-inbox-'));
  database = openSqlite(join(folder, 'callseal.db'));
});
afterEach(async () => {
  await database.close();
  rmSync(folder, { recursive: true, force: true });
});

const openInbox = async (calls = 16, using = database) =>
  await openSqliteInbox({ database: using, folder, topics, limits: { calls, bytes: 1 << 20 } });
const record = (key: string) => ({ topic: inboxTopic, key, headers: {}, value: Buffer.from('x') });
const output = (topic: OutputTopic, id: string, value = id): Output => ({
  topic,
  key: 'k',
  id,
  headers: {},
  value: Buffer.from(value),
});
const counted = async (table: string): Promise<number> => {
  const [row] = await database.query(`select count(*) as n from ${table}`);
  return Number(row?.['n']);
};

describe('the window', () => {
  test('a tenant whose thousands of calls all wait holds up no other tenant', {
    timeout: PATIENT_MS,
  }, async () => {
    const inbox = await openInbox();
    await Promise.all(Array.from({ length: 5000 }, (_, i) => inbox.publish(record(`paused/${i}`), never)));
    const stop = new AbortController();
    const waiting = new Set<string>();
    const pause = Promise.withResolvers<void>();
    // Others come one after the other, once the window of the paused tenant is as full as it gets.
    let others = 0;
    const publishOther = (): void => void inbox.publish(record(`other/${others++}`), never);
    await inbox.run(
      async ({ key }) => {
        if (key?.startsWith('paused/')) {
          if (waiting.add(key).size === 4096) publishOther();
          return { do: 'wait', resumed: pause.promise };
        }
        if (others === 80) stop.abort();
        else publishOther();
        return { do: 'settle', outputs: [] };
      },
      { untilIdle: false },
      stop.signal,
    );
    expect(await inbox.backlog(never)).toMatchObject({ waiting: 5000 });
    expect(waiting.size).toBeLessThanOrEqual(4096 + 256);
  });

  test('a backlog longer than the window is delivered whole, each record once, in order', {
    timeout: PATIENT_MS,
  }, async () => {
    const inbox = await openInbox();
    await Promise.all(Array.from({ length: 6000 }, (_, i) => inbox.publish(record(`t/${i % 100}`), never)));
    const offsets: number[][] = Array.from({ length: 100 }, () => []);
    await inbox.run(
      async ({ key, place }) => {
        offsets[Number(key?.slice(2))]?.push(place.offset);
        return { do: 'settle', outputs: [] };
      },
      { untilIdle: true },
      never,
    );
    for (const [i, mine] of offsets.entries()) {
      expect(mine).toEqual(Array.from({ length: 60 }, (_, n) => n * 100 + i));
    }
  });

  test('topics that are not configured stay untouched', async () => {
    const inbox = await openInbox();
    await inbox.publish(record('t/1'), never);
    const others = await openSqliteInbox({
      database,
      folder,
      topics: topicNames('elsewhere'),
      limits: { calls: 1, bytes: 1 },
    });
    await others.run(async () => expect.unreachable(), { untilIdle: true }, never);
    expect(await others.backlog(never)).toMatchObject({ waiting: 0 });
    expect(await inbox.backlog(never)).toMatchObject({ waiting: 1 });
  });
});

describe('news', () => {
  test('a publish and a hand-over tell of inputs, a settle and a relayed event of outputs', async () => {
    const inbox = await openInbox();
    const events = await openSqliteEvents({ database, topics });
    const heard: string[] = [];
    for (const what of ['inputs', 'outputs'] as const) onNews(database, what, () => heard.push(what));
    const heardBy = async (act: () => Promise<unknown>): Promise<string[]> => {
      heard.length = 0;
      await act();
      return [...heard];
    };
    const run = async (handle: Handler) => await inbox.run(handle, { untilIdle: true }, never);
    const later = { dueAt: new Date('2100-01-01T00:00:00Z'), counted: 0, firstFailedAt: undefined };
    expect(await heardBy(async () => await inbox.publish(record('t/a'), never))).toEqual(['inputs']);
    expect(await heardBy(async () => await run(settle))).toEqual(['outputs']);
    await inbox.publish(record('t/b'), never);
    expect(await heardBy(async () => await run(async () => ({ do: 'hand-over', ...later })))).toContain(
      'inputs',
    );
    expect(await heardBy(async () => await events.publish([output('audit', 'a')], never))).toEqual([
      'outputs',
    ]);
  });
});

describe('group commit', () => {
  test('settles that are ready together share a transaction', async () => {
    let transactions = 0;
    const counting: SqlDatabase = {
      ...database,
      transaction: async (tenant, work) => {
        transactions++;
        return await database.transaction(tenant, work);
      },
    };
    const inbox = await openInbox(16, counting);
    await Promise.all(Array.from({ length: 64 }, (_, i) => inbox.publish(record(`t/${i}`), never)));
    transactions = 0;
    await inbox.run(settle, { untilIdle: true }, never);
    expect(transactions).toBeLessThanOrEqual(8);
    expect(await inbox.backlog(never)).toMatchObject({ waiting: 0 });
  });
});

describe('outputs', () => {
  test('an id that is there is not published again, by a settle or by the relay; the first bytes stay', async () => {
    const inbox = await openInbox();
    const events = await openSqliteEvents({ database, topics });
    await inbox.publish(record('t/a'), never);
    await events.publish([output('dlq', 'same', 'first')], never);
    await events.publish([output('dlq', 'same', 'second')], never);
    const outputs = [output('dlq', 'same', 'third'), output('outcome', 'same', 'another topic')];
    await inbox.run(async () => ({ do: 'settle', outputs }), { untilIdle: true }, never);
    const letters = await Array.fromAsync(events.read('dlq', { follow: false }, never));
    expect(letters.map(({ value }) => value.toString())).toEqual(['first']);
    expect(await counted('output_records')).toBe(2);
  });
});

describe('retention', () => {
  const age = async (table: string, days: number): Promise<void> => {
    await database.query(`update ${table} set published_at = published_at - $1`, [days * DAY_MS]);
  };

  test('done input records go after 7 days; what waits and the last of a topic stay', {
    timeout: PATIENT_MS,
  }, async () => {
    const inbox = await openInbox();
    await Promise.all(Array.from({ length: 1200 }, (_, i) => inbox.publish(record(`t/${i}`), never)));
    const keep = async (delivery: { key: string | undefined }) =>
      delivery.key === 't/7' ? ({ do: 'leave' } as const) : ({ do: 'settle', outputs: [] } as const);
    await inbox.run(keep, { untilIdle: true }, never);
    await age('input_records', 8);
    await inbox.publish(record('t/young'), never);
    await inbox.run(keep, { untilIdle: true }, never);
    const rows = await database.query('select record_offset from input_records order by record_offset');
    expect(rows.map((row) => row['record_offset'])).toEqual([7, 1200]);
    const place = await inbox.publish(record('t/next'), never);
    expect(place.offset).toBe(1201);
  });

  test.each([
    ['outcome', 31, 29],
    ['transcripts', 8, 6],
    ['dlq', 31, 29],
    ['audit', 366, 364],
  ] as const)(
    '%s is gone after %i days and there after %i, its last record for ever',
    async (topic, gone, there) => {
      const inbox = await openInbox();
      const events = await openSqliteEvents({ database, topics });
      const left = async () =>
        (await Array.fromAsync(events.read(topic, { follow: false }, never))).map(({ id }) => id);
      await events.publish([output(topic, 'a'), output(topic, 'b')], never);
      await age('output_records', there);
      await inbox.run(settle, { untilIdle: true }, never);
      expect(await left()).toEqual(['a', 'b']);
      await age('output_records', gone - there);
      await inbox.run(settle, { untilIdle: true }, never);
      expect(await left()).toEqual(['b']);
    },
  );
});

describe('failures', () => {
  test('a database that cannot be used is INBOX_DOWN, from every method', async () => {
    const inbox = await openInbox();
    const down = async (): Promise<never> => {
      throw new CallsealError('REGISTRY_DOWN', 'the database cannot be used now');
    };
    const broken = { ...database };
    const late = await openInbox(16, broken);
    const events = await openSqliteEvents({ database: broken, topics });
    await inbox.publish(record('t/a'), never);
    Object.assign(broken, { query: down, transaction: down });
    const expected = { code: 'INBOX_DOWN' };
    await expect(late.publish(record('t/b'), never)).rejects.toMatchObject(expected);
    await expect(late.backlog(never)).rejects.toMatchObject(expected);
    await expect(late.run(settle, { untilIdle: true }, never)).rejects.toMatchObject(expected);
    await expect(events.publish([output('audit', 'a')], never)).rejects.toMatchObject(expected);
    await expect(events.last('audit', never)).rejects.toMatchObject(expected);
    await expect(Array.fromAsync(events.read('audit', { follow: false }, never))).rejects.toMatchObject(
      expected,
    );
    await expect(openInbox(1, broken)).rejects.toMatchObject(expected);
  });

  test('a settle that cannot be written ends the run, and the record comes again', async () => {
    const full = { ...database };
    const inbox = await openInbox(16, full);
    await inbox.publish(record('t/a'), never);
    const failing = inbox.run(
      async () => {
        Object.assign(full, {
          transaction: async () => {
            throw new CallsealError('REGISTRY_DOWN', 'disk full');
          },
        });
        return { do: 'settle', outputs: [output('outcome', 'x')] };
      },
      { untilIdle: true },
      never,
    );
    await expect(failing).rejects.toMatchObject({ code: 'INBOX_DOWN', message: 'disk full' });
    let again = 0;
    const mended = await openInbox();
    await mended.run(
      async () => {
        again++;
        return { do: 'settle', outputs: [] };
      },
      { untilIdle: true },
      never,
    );
    expect(again).toBe(1);
    expect(await counted('output_records')).toBe(0);
  });

  test('a waiting record whose body is gone is a damaged file, not a lost call', async () => {
    const inbox = await openInbox();
    await inbox.publish(record('t/a'), never);
    await database.query('delete from input_records');
    await expect(inbox.run(settle, { untilIdle: true }, never)).rejects.toMatchObject({
      code: 'REGISTRY_DAMAGED',
    });
    expect(await inbox.backlog(never)).toMatchObject({ waiting: 1 });
  });
});
