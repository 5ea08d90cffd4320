import { expect, test } from 'vitest';
import { createBell, onNews, tellNews } from '../../../src/adapters/inbox/news.ts';

const NEVER_MS = 2 ** 31 - 1;

test('a ring before the wait is not lost', async () => {
  const bell = createBell();
  bell.ring();
  await expect(bell.wait(NEVER_MS)).resolves.toBeUndefined();
});

test('a ring during the wait ends it', async () => {
  const bell = createBell();
  const waiting = bell.wait(NEVER_MS);
  setTimeout(bell.ring, 1);
  await expect(waiting).resolves.toBeUndefined();
});

test('several rings are one: the next wait goes on until its time is over', async () => {
  const bell = createBell();
  bell.ring();
  bell.ring();
  await bell.wait(NEVER_MS);
  await expect(bell.wait(1)).resolves.toBeUndefined();
});

test('news of one kind of one database reaches its listeners only, until they are deaf', () => {
  const [mine, other] = [{}, {}];
  const heard: string[] = [];
  const deaf = onNews(mine, 'inputs', () => heard.push('mine'));
  onNews(mine, 'inputs', () => heard.push('mine too'));
  onNews(mine, 'outputs', () => heard.push('outputs'));
  onNews(other, 'inputs', () => heard.push('other'));
  tellNews(mine, 'inputs');
  deaf();
  tellNews(mine, 'inputs');
  expect(heard).toEqual(['mine', 'mine too', 'mine too']);
});
