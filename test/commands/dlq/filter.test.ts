import { expect, test } from 'vitest';
import { run } from '../host.ts';

const asking = () => {
  const asked: unknown[] = [];
  const parked = async (...args: unknown[]) => {
    asked.push(args[0]);
    return await Promise.resolve([]);
  };
  return { asked, given: { ports: { registry: { parked } } } };
};

test('each option narrows the list', async () => {
  const { asked, given } = asking();
  await run(
    'dlq ls --code EVENT_SHAPE --fingerprint abcd --call t-1/c-1 --stage decode --since 2026-11-24T10:00Z ' +
      '--until 2026-11-25 --worker-version 1.2.3 --replays 2 --origin in/0/7 --state any',
    given,
  );
  expect(asked).toEqual([
    {
      tenant: 't-1',
      call: 'c-1',
      code: 'EVENT_SHAPE',
      stage: 'decode',
      fingerprint: 'abcd',
      since: '2026-11-24T10:00:00.000Z',
      until: '2026-11-25T00:00:00.000Z',
      workerVersion: '1.2.3',
      replays: 2,
      origin: { topic: 'in', partition: 0, offset: 7 },
    },
  ]);
});

for (const wrong of [
  '--code NOPE',
  '--fingerprint xyz',
  '--fingerprint ab',
  '--stage nowhere',
  '--since yesterday',
  '--since 2026-13-99',
  '--worker-version a;b',
  '--replays -1',
  '--origin in/0',
  '--origin ../0/1',
  '--state gone',
]) {
  test(`a word that means nothing is a usage error: ${wrong}`, async () => {
    const { asked, given } = asking();
    expect(await run(`dlq ls ${wrong}`, given)).toMatchObject({ code: 2 });
    expect(asked).toEqual([]);
  });
}

for (const command of ['discard', 'restore']) {
  test(`dlq ${command} needs a ticket, and never means all because nobody said which`, async () => {
    const { asked, given } = asking();
    expect((await run(`dlq ${command} a-1`, given)).code).toBe(2);
    expect((await run(`dlq ${command} --ticket T`, given)).code).toBe(2);
    expect((await run(`dlq ${command} a-1 --code BUG --ticket T`, given)).code).toBe(2);
    expect(asked).toEqual([]);
  });
}

test('content and a reason go together, in show and in export', async () => {
  const { asked, given } = asking();
  for (const words of [
    'show a-1 --open',
    'show a-1 --reason why',
    'export a-1 -o x --open',
    'export a-1 -o x --reason why',
  ]) {
    expect((await run(`dlq ${words}`, given)).code).toBe(2);
  }
  expect((await run('dlq export a-1 -o /dev/stdout', given)).code).toBe(2);
  expect(asked).toEqual([]);
});
