import { s3Objects } from '../../src/adapters/objects/s3.ts';
import { CountedParts, patterned } from './objects-parts.ts';
import { bucketOptions, type S3StoreName } from './s3-buckets.ts';

/** Another process that creates one object in one request: `s3-child.ts STORE BUCKET ENDPOINT NAME BYTES`. */
const [store = '', bucket = '', endpoint = '', name = '', bytes = ''] = process.argv.slice(2);
const objects = s3Objects({ ...bucketOptions(store as S3StoreName, bucket), endpoint });
await objects.create(name, new CountedParts(patterned(Number(bytes))).stream(), new AbortController().signal);
