import { expect, test } from 'vitest';
import { probeS3Objects } from '../../../src/adapters/objects/probe-s3.ts';
import type { S3ObjectsOptions } from '../../../src/adapters/objects/s3.ts';
import type { Finding } from '../../../src/domain/findings.ts';
import { type Answer, type Asked, type FakeService, fakeHttps } from '../../services/fake-https.ts';

/** What the probe says of stores that do what neither of the real ones here does. */

const never = new AbortController().signal;

interface Store {
  readonly kept: Map<string, string>;
  readonly service: FakeService;
}

/** A good store with an answer of the test's own where it gives one. */
async function store(own: (asked: Asked, kept: Map<string, string>) => Answer | undefined): Promise<Store> {
  const kept = new Map<string, string>();
  let crc: string | undefined;
  const good = ({ method, url, headers, body }: Asked): Answer => {
    const { pathname, searchParams } = new URL(url, 'https://localhost');
    const name = pathname.replace(/^\/calls\/?/, '');
    if (searchParams.has('list-type')) return xml('<ListBucketResult/>');
    if (searchParams.has('versioning')) return xml('<VersioningConfiguration/>');
    if (searchParams.has('object-lock')) return refusal(404, 'ObjectLockConfigurationNotFoundError');
    if (searchParams.has('encryption')) return refusal(501, 'NotImplemented');
    if (searchParams.has('versions')) {
      const rows = [...kept.keys()].map(
        (key) => `<Version><Key>${key}</Key><VersionId>null</VersionId></Version>`,
      );
      return xml(`<ListVersionsResult>${rows.join('')}</ListVersionsResult>`);
    }
    if (method === 'POST' && searchParams.has('uploads')) {
      const checksum = { 'x-amz-checksum-type': 'FULL_OBJECT' };
      return {
        ...xml('<InitiateMultipartUploadResult><UploadId>u</UploadId></InitiateMultipartUploadResult>'),
        headers: checksum,
      };
    }
    if (searchParams.has('uploads')) return xml('<ListMultipartUploadsResult/>');
    if (method === 'PUT') {
      const sent = headers['x-amz-checksum-crc32'];
      if (typeof sent !== 'string') return refusal(400, 'InvalidRequest');
      crc ??= sent; // the first put is the good one
      if (sent !== crc) return refusal(400, 'BadDigest');
      if (kept.has(name)) return refusal(412, 'PreconditionFailed');
      kept.set(name, body);
      return { status: 200 };
    }
    if (method === 'DELETE') {
      kept.delete(name);
      return { status: 204 };
    }
    return { status: 206, body: kept.get(name) ?? '' };
  };
  return { kept, service: await fakeHttps((asked) => own(asked, kept) ?? good(asked)) };
}

function xml(inner: string): Answer {
  return { status: 200, body: `<?xml version="1.0"?>${inner}` };
}

function refusal(status: number, code: string): Answer {
  return { status, body: `<Error><Code>${code}</Code><Message>no</Message></Error>` };
}

async function look({ service }: Store, more: Partial<S3ObjectsOptions> = {}): Promise<Finding[]> {
  const { endpoint, ca, credentialsFile } = service;
  const reach = { region: 'r', endpoint, ca, credentialsFile, pathStyle: true };
  return await probeS3Objects({ bucket: 'calls', ...reach, ...more }, never);
}

const wrong = (findings: readonly Finding[]) =>
  findings
    .filter(({ status }) => status !== 'ok')
    .map(({ name, status, finding }) => [name, status, finding]);

test('a good store is ok; what it does not know is said in words', async () => {
  const good = await store(() => undefined);
  const found = await look(good);
  expect(wrong(found)).toEqual([]);
  expect(found.find(({ name }) => name === 'encryption')?.finding).toBe(
    'this store cannot say (NotImplemented); sse is not set',
  );
  expect(good.kept.size).toBe(0);
});

test('every name that is written stands below doctor/', async () => {
  const good = await store(() => undefined);
  await look(good);
  const names = good.service.asked.filter(({ method }) => method === 'PUT').map(({ url }) => url);
  expect(names).toHaveLength(3);
  for (const name of names) expect(name).toMatch(/^\/calls\/doctor\/[0-9a-f-]{36}(-damaged)?\?/);
});

test('a store that overwrites a name that is taken is bad', async () => {
  const found = await look(
    await store(({ method, headers }, kept) => {
      if (method !== 'PUT' || kept.size === 0 || headers['if-none-match'] !== '*') return undefined;
      return { status: 200 };
    }),
  );
  expect(wrong(found)).toContainEqual([
    'conditional put',
    'bad',
    expect.stringContaining('If-None-Match is ignored'),
  ]);
});

test('a store that keeps a body that does not match its checksum is bad, and both names are removed', async () => {
  const careless = await store(({ method, url, body }, kept) => {
    if (method !== 'PUT' || !url.includes('-damaged')) return undefined;
    kept.set(new URL(url, 'https://localhost').pathname.replace('/calls/', ''), body);
    return { status: 200 };
  });
  expect(wrong(await look(careless))).toEqual([['checksums', 'bad', expect.stringContaining('is kept')]]);
  expect(careless.kept.size).toBe(0);
});

test.for([
  ['refuses FULL_OBJECT with 501', refusal(501, 'NotImplemented')],
  [
    'keeps the checksums of parts alone',
    xml('<InitiateMultipartUploadResult><UploadId>u</UploadId></InitiateMultipartUploadResult>'),
  ],
] as const)('a store that %s is loud', async ([, answer]) => {
  const found = await look(
    await store(({ method, url }) => (method === 'POST' && url.includes('uploads') ? answer : undefined)),
  );
  expect(wrong(found)).toEqual([['checksum of uploads', 'loud', expect.stringContaining('compared')]]);
});

test('what the store encrypts otherwise than sse asks is bad', async () => {
  const found = await look(await store(() => undefined), { sse: 'aws:kms' });
  expect(wrong(found)).toEqual([
    ["store's encryption", 'bad', 'sse asks for aws:kms, the store answered nothing'],
  ]);
});

test('what cannot be removed is named, with what to do', async () => {
  const found = await look(await store(({ method }) => (method === 'DELETE' ? { status: 204 } : undefined)));
  const last = found.at(-1);
  expect(last).toMatchObject({
    name: 'delete',
    status: 'bad',
    finding: expect.stringMatching(/^still there: doctor\/[0-9a-f-]{36}@null$/),
  });
  const denied = await look(
    await store(({ method }) => (method === 'DELETE' ? refusal(403, 'AccessDenied') : undefined)),
  );
  expect(denied.at(-1)).toMatchObject({
    name: 'delete',
    status: 'bad',
    hint: expect.stringMatching(/^remove doctor\/.* by hand/),
  });
});

test('where it may not ask for the lock, nothing is written', async () => {
  const closed = await store(({ url }) =>
    url.includes('object-lock') ? refusal(403, 'AccessDenied') : undefined,
  );
  expect(wrong(await look(closed))).toEqual([
    ['object lock', 'loud', 'not known: we may not ask'],
    ['writing', 'loud', expect.stringContaining('not tried')],
  ]);
  expect(closed.service.asked.every(({ method }) => method === 'GET')).toBe(true);
});

test('a store that breaks down in the middle is down, and nothing is left that it could remove', async () => {
  const broken = await store(({ method, url }) =>
    method === 'POST' && url.includes('uploads') ? { status: 503 } : undefined,
  );
  expect(wrong(await look(broken))).toEqual([
    ['checksum of uploads', 'down', expect.stringContaining('status 503')],
  ]);
  expect(broken.kept.size).toBe(0);
});

test('a doctor that is told to stop removes what it wrote first', async () => {
  const stop = new AbortController();
  const interrupted = await store(({ method, url }) => {
    if (method === 'POST' && url.includes('uploads')) stop.abort(new Error('enough'));
    return undefined;
  });
  const { endpoint, ca, credentialsFile } = interrupted.service;
  const options = { bucket: 'calls', region: 'r', endpoint, ca, credentialsFile, pathStyle: true };
  await expect(probeS3Objects(options, stop.signal)).rejects.toThrow('enough');
  expect(interrupted.kept.size).toBe(0);
});
