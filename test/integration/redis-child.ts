import { argv, stdout } from 'node:process';
import { bullmqJobs } from '../../src/adapters/jobs/bullmq.ts';
import { redisOf } from '../services/redis-options.ts';

/** Takes a job, says so, and holds it until it is killed. */
const jobs = await bullmqJobs({ ...redisOf(Number(argv[2])), lockMs: 500 });
await jobs.run(
  'sweep',
  async () => {
    stdout.write('begun\n');
    await new Promise(() => setInterval(() => undefined, 1_000));
  },
  new AbortController().signal,
);
