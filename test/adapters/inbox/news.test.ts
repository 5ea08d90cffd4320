import { expect, test } from 'vitest';
import { createBell, onNews, tellNews } from '../../../src/adapters/inbox/news.ts';

const NEVER_MS = 2 ** 31 - 1;

test('a ring before the wait is not lost', async () => {
  const bell = createBell();
  bell.ring();
  await bell.wait(NEVER_MS);
});

test('a ring during the wait ends it', async () => {
  const bell = createBell();
  const waiting = bell.wait(NEVER_MS);
  setTimeout(bell.ring, 1);
  await waiting;
});

test('several rings are one: the next wait goes on until its time is over', async () => {
  const bell = createBell();
  bell.ring();
  bell.ring();
  await bell.wait(NEVER_MS);
  await bell.wait(1);
});

test('news of one database reaches its listeners only, until they are deaf', () => {
  const [mine, other] = [{}, {}];
  const heard: string[] = [];
  const deaf = onNews(mine, () => heard.push('mine'));
  onNews(mine, () => heard.push('mine too'));
  onNews(other, () => heard.push('other'));
  tellNews(mine);
  deaf();
  tellNews(mine);
  expect(heard).toEqual(['mine', 'mine too', 'mine too']);
});
