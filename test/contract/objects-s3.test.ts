import { describe } from 'vitest';
import { whatIsMissing } from '../services/env.ts';
import { objectsContract } from './objects-suite.ts';
import { S3_STORES } from './s3-buckets.ts';

for (const store of S3_STORES) {
  const missing = await whatIsMissing(store);
  describe.skipIf(missing)(`on ${store} ${missing ?? ''}`, () => objectsContract(store));
}
