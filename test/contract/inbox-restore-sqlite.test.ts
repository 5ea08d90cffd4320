import { expect, test } from 'vitest';
import { openSqliteRestore } from '../../src/adapters/inbox/sqlite-restore.ts';
import { openSqlite } from '../../src/adapters/sqlite/connection.ts';
import { inboxRestoreContract } from './inbox-restore-suite.ts';
import { openWorld, WORLDS } from './inbox-worlds.ts';
import { startChild } from './processes.ts';

const { signal } = new AbortController();

inboxRestoreContract('sqlite');

test('a folder whose worker runs is not fenced, and a fenced one has no worker', async () => {
  const world = await WORLDS['sqlite']!.make();
  const opened = await openWorld('sqlite', world.location);
  await opened.inbox.publish(
    { topic: world.topics.inbox[0]!, key: 't/a', headers: {}, value: Buffer.from('x') },
    signal,
  );
  const worker = startChild(world, ['hold']);
  await worker.line();
  const database = openSqlite(`${world.location}/callseal.db`);
  const restore = await openSqliteRestore({ database, folder: world.location, topics: world.topics });
  await expect(restore.fence(signal)).rejects.toMatchObject({ code: 'WORKER_RUNNING' });
  worker.kill();
  await worker.ended;
  await restore.fence(signal);
  const refused = opened.inbox.run(async () => ({ do: 'leave' }), { untilIdle: true }, signal);
  await expect(refused).rejects.toMatchObject({ code: 'WORKER_RUNNING' });
  await restore.close();
  await database.close();
  await opened.close();
  await world.dispose();
});
