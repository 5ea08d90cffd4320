import { expect, test } from 'vitest';
import { openSqliteSkip } from '../../src/adapters/inbox/sqlite-skip.ts';

test('the embedded inbox has no record that nobody can read, and says so', async () => {
  const skip = openSqliteSkip();
  const { signal } = new AbortController();
  for (const act of ['look', 'skip'] as const) {
    await expect(skip[act]({ topic: 'calls', partition: 0, offset: 0 }, signal)).rejects.toMatchObject({
      code: 'REFUSED',
      message: 'a record of the embedded inbox can always be read: nothing to skip',
    });
  }
  await skip.close();
});
