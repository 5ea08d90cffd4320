import { expect, test } from 'vitest';
import { JobQueue } from '../../../src/adapters/jobs/job-queue.ts';

function queueAt(start: number): { queue: JobQueue; pass: (ms: number) => void } {
  let now = start;
  return { queue: new JobQueue(() => now), pass: (ms) => void (now += ms) };
}

test('an empty queue has no job and nothing due', () => {
  const { queue } = queueAt(0);
  expect([queue.take(), queue.dueInMs()]).toEqual([undefined, undefined]);
});

test('a schedule is due at once, then after its interval, and says when', () => {
  const { queue, pass } = queueAt(1000);
  queue.schedule(50);
  expect(queue.dueInMs()).toBe(0);
  expect(queue.take()?.payload).toEqual({});
  queue.finish();
  expect([queue.take(), queue.dueInMs()]).toEqual([undefined, 50]);
  pass(49);
  expect([queue.take(), queue.dueInMs()]).toEqual([undefined, 1]);
  pass(1);
  expect(queue.take()?.payload).toEqual({});
});

test('a run that was due many times is one run', () => {
  const { queue, pass } = queueAt(0);
  queue.schedule(10);
  pass(1000);
  expect(queue.take()).toBeDefined();
  queue.finish();
  expect([queue.take(), queue.dueInMs()]).toEqual([undefined, 10]);
});

test('a shorter interval counts from now; a longer one does not put off a run that was due before', () => {
  const { queue, pass } = queueAt(0);
  queue.schedule(1000);
  queue.take();
  queue.finish();
  queue.schedule(10);
  expect(queue.dueInMs()).toBe(10);
  queue.schedule(5000);
  expect(queue.dueInMs()).toBe(10);
  pass(10);
  expect(queue.take()).toBeDefined();
  expect(queue.dueInMs()).toBe(5000);
});

test('a due run stands behind what waits already', () => {
  const { queue } = queueAt(0);
  queue.add('a', { n: 1 });
  queue.schedule(10);
  expect(queue.take()?.payload).toEqual({ n: 1 });
  expect(queue.take()?.payload).toEqual({});
});

test('an id may be used again once its job has finished', () => {
  const { queue } = queueAt(0);
  queue.add('a', { n: 1 });
  queue.take();
  queue.add('a', { n: 2 });
  expect(queue.take()).toBeUndefined();
  queue.finish();
  queue.add('a', { n: 3 });
  expect(queue.take()?.payload).toEqual({ n: 3 });
});

test('a change asked for before a look cannot slip between', async () => {
  const { queue } = queueAt(0);
  const added = queue.changed.then(() => 'added');
  queue.add('a', {});
  const scheduled = queue.changed.then(() => 'scheduled');
  queue.schedule(1);
  expect(await Promise.all([added, scheduled])).toEqual(['added', 'scheduled']);
});
