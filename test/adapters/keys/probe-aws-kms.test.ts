import { expect, test } from 'vitest';
import { probeAwsKms } from '../../../src/adapters/keys/probe-aws-kms.ts';
import type { Finding } from '../../../src/domain/findings.ts';
import { type Answer, type Asked, fakeHttps } from '../../services/fake-https.ts';

/** What the probe says of answers that the stand-in does not give. */

const KEY = {
  Arn: 'arn:aws:kms:r:111122223333:key/k-1',
  KeyId: 'k-1',
  KeyState: 'Enabled',
  KeySpec: 'SYMMETRIC_DEFAULT',
  KeyUsage: 'ENCRYPT_DECRYPT',
  CurrentKeyMaterialId: 'm-1',
};

const refused = (status: number, type: string): Answer => ({
  status,
  body: JSON.stringify({ __type: type, message: 'no' }),
});
const answered = (body: unknown): Answer => ({ status: 200, body: JSON.stringify(body) });

async function look(own: Readonly<Record<string, Answer>>): Promise<Finding> {
  const good: Record<string, Answer> = {
    DescribeKey: answered({ KeyMetadata: KEY }),
    GenerateDataKey: refused(412, 'DryRunOperationException'),
    GetKeyRotationStatus: answered({ KeyRotationEnabled: true, RotationPeriodInDays: 365 }),
  };
  const answer = ({ headers }: Asked): Answer => {
    const operation = String(headers['x-amz-target']).replace('TrentService.', '');
    return own[operation] ?? good[operation] ?? refused(400, 'UnknownOperationException');
  };
  const { endpoint, ca, credentialsFile } = await fakeHttps(answer);
  const keks = [{ use: 't-1 phi', kek: 'alias/a' }];
  const options = { region: 'r', endpoint, ca, credentialsFile, requestsPerSecond: 100, keks };
  const found = await probeAwsKms(options, new AbortController().signal);
  const key = found.find(({ name }) => name === 'key t-1 phi');
  if (!key) throw new Error(JSON.stringify(found));
  return key;
}

test('rotation is told where KMS tells it', async () => {
  expect(await look({})).toEqual({
    name: 'key t-1 phi',
    status: 'ok',
    finding: 'alias/a is enabled, material m-1, rotated by KMS every 365 days',
  });
  const off = await look({ GetKeyRotationStatus: answered({ KeyRotationEnabled: false }) });
  expect(off.finding).toContain('not rotated by KMS');
});

test('a key in a state of another kind is bad, with the state', async () => {
  const found = await look({ DescribeKey: answered({ KeyMetadata: { ...KEY, KeyState: 'PendingImport' } }) });
  expect(found).toMatchObject({ status: 'bad', finding: 'alias/a cannot be used (PendingImport)' });
});

test('a service that makes a key where a dry run was asked for is loud, and its key is not told', async () => {
  const Plaintext = Buffer.alloc(32, 7).toString('base64');
  const found = await look({
    GenerateDataKey: answered({ Plaintext, KeyId: KEY.Arn, CiphertextBlob: 'AAAA' }),
  });
  expect(found).toMatchObject({ status: 'loud', hint: expect.stringContaining('DryRun') });
  expect(JSON.stringify(found)).not.toContain(Plaintext);
});

test.for([
  [500, 'KMSInternalException', 'down'],
  [400, 'ThrottlingException', 'down'],
  [400, 'AccessDeniedException', 'bad'],
  [400, 'NotFoundException', 'bad'],
] as const)('a DescribeKey of status %i and %s is %s', async ([status, type, says]) => {
  expect(await look({ DescribeKey: refused(status, type) })).toMatchObject({
    status: says,
    hint: expect.stringMatching(/./),
  });
});
