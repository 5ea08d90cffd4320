import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { openSqliteEvents } from '../../../src/adapters/events/sqlite.ts';
import { topicNames } from '../../../src/adapters/inbox/topics.ts';
import { openSqlite } from '../../../src/adapters/sqlite/connection.ts';

test('a publish is one transaction: one record that cannot be written, and none is', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'callseal-events-'));
  const database = openSqlite(join(folder, 'callseal.db'));
  const { signal } = new AbortController();
  const events = await openSqliteEvents({ database, topics: topicNames('callseal') });
  const good = { topic: 'audit', key: 'k', id: 'good', headers: {}, value: Buffer.from('x') } as const;
  const bad = { ...good, id: 'bad' };
  await database.query(
    `create trigger refuse before insert on output_records when new.id = 'bad' begin select raise(abort, 'no'); end`,
  );
  await expect(events.publish([good, bad], signal)).rejects.toThrow('no');
  expect(await events.last('audit', signal)).toBeUndefined();
  await database.close();
  rmSync(folder, { recursive: true, force: true });
});
