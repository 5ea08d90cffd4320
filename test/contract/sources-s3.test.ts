import { describe } from 'vitest';
import { whatIsMissing } from '../services/env.ts';
import { S3_STORES } from './s3-buckets.ts';
import { sourcesContract } from './sources-suite.ts';
import { s3World } from './sources-worlds.ts';

for (const store of S3_STORES) {
  const missing = await whatIsMissing(store);
  describe.skipIf(missing)(`on ${store} ${missing ?? ''}`, () => {
    sourcesContract(store, async () => await s3World(store));
  });
}
