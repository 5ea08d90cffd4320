import { randomUUID } from 'node:crypto';
import { describe } from 'vitest';
import { bullmqJobs } from '../../src/adapters/jobs/bullmq.ts';
import { servicesEnv, whatIsMissing } from '../services/env.ts';
import { jobsContract } from './jobs-suite.ts';

const missing = await whatIsMissing('redis');

describe.skipIf(missing)(`jobs on Redis ${missing ?? ''}`, () => {
  jobsContract('bullmq', async () => {
    const { redis, tls } = servicesEnv();
    const { user, passwordFile } = redis.users.callseal;
    const { host, port } = redis;
    return await bullmqJobs({
      host,
      port,
      user,
      passwordFile,
      ca: tls.ca,
      prefix: `callseal:${randomUUID()}`,
    });
  });
});
