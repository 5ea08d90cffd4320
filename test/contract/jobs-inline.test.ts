import { describe, expect, test } from 'vitest';
import { inlineJobs } from '../../src/adapters/jobs/inline.ts';
import { jobsContract } from './jobs-suite.ts';

jobsContract('inline', async () => inlineJobs());

const never = new AbortController().signal;

describe('inline jobs', () => {
  test('a runner that ignores the abort does not hold close for ever', async () => {
    const jobs = inlineJobs({ closeWithinMs: 10 });
    const begun = Promise.withResolvers<void>();
    const stuck = Promise.withResolvers<void>();
    await jobs.add('sweep', 'a', {}, never);
    const running = jobs.run(
      'sweep',
      async () => {
        begun.resolve();
        await stuck.promise;
      },
      never,
    );
    await begun.promise;
    await expect(jobs.close()).rejects.toMatchObject({ code: 'STOPPING' });
    stuck.resolve();
    await running;
  });

  test('two runs of one name in one process are a bug: they would not be one at a time', async () => {
    const jobs = inlineJobs();
    const first = jobs.run('sweep', async () => undefined, never);
    await expect(jobs.run('sweep', async () => undefined, never)).rejects.toMatchObject({ code: 'BUG' });
    await jobs.close();
    await first;
  });
});
