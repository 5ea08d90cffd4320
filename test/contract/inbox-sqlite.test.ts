import { describe, expect, test } from 'vitest';
import { inboxContract } from './inbox-suite.ts';
import { openWorld, WORLDS } from './inbox-worlds.ts';
import { runChild, startChild } from './processes.ts';

describe('the inbox port: sqlite', () => {
  inboxContract('sqlite');
});

describe('one worker per data folder', () => {
  const inUse = async (
    act: (world: Awaited<ReturnType<(typeof WORLDS)[string]['make']>>) => Promise<void>,
  ) => {
    const world = await WORLDS['sqlite']!.make();
    try {
      await act(world);
    } finally {
      await world.dispose();
    }
  };
  const record = (topic: string) => ({ topic, key: 't/a', headers: {}, value: Buffer.from('x') });
  const { signal } = new AbortController();

  test('a second run is refused with the pid of the first, while publish and backlog go on beside it', async () => {
    await inUse(async (world) => {
      const opened = await openWorld('sqlite', world.location);
      await opened.inbox.publish(record(world.topics.inbox[0]!), signal);
      const worker = startChild(world, ['hold']);
      await worker.line();
      const second = opened.inbox.run(async () => ({ do: 'leave' }), { untilIdle: true }, signal);
      await expect(second).rejects.toMatchObject({
        code: 'WORKER_RUNNING',
        message: `process ${worker.pid} is the worker of this data folder`,
      });
      await opened.inbox.publish(record(world.topics.inbox[0]!), signal);
      expect(await opened.inbox.backlog(signal)).toMatchObject({ waiting: 2 });
      worker.kill();
      await worker.ended;
      let seen = 0;
      await opened.inbox.run(
        async () => {
          seen++;
          return { do: 'settle', outputs: [] };
        },
        { untilIdle: true },
        signal,
      );
      expect(seen).toBe(2);
      await opened.close();
    });
  });

  test('a run that has ended holds nothing: another process may work', async () => {
    await inUse(async (world) => {
      const opened = await openWorld('sqlite', world.location);
      await opened.inbox.run(async () => ({ do: 'leave' }), { untilIdle: true }, signal);
      expect(await runChild(world, ['settle'])).toMatchObject({ code: 0 });
      await opened.close();
    });
  });
});
