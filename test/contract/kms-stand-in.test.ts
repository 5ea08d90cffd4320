import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { env } from 'node:process';
import { KMSClient } from '@aws-sdk/client-kms';
import { describe } from 'vitest';
import { kmsContract } from '../services/kms-contract/contract.ts';
import { startKms } from '../services/kms-process.ts';

describe('the KMS stand-in', () => {
  kmsContract(async () => {
    const folder = mkdtempSync(join(tmpdir(), 'callseal-kms-'));
    const kms = await startKms(folder);
    return {
      client: kms.client('root'),
      close: async () => {
        await kms.stop();
        rmSync(folder, { recursive: true });
      },
    };
  });
});

/**
 * The same rules against AWS itself, to see that the stand-in is held to the truth. It makes some forty keys and schedules
 * their deletion in 7 days.
 *
 *   CALLSEAL_TEST_AWS_KMS=1 AWS_REGION=eu-central-1 AWS_ACCESS_KEY_ID=… AWS_SECRET_ACCESS_KEY=… (or AWS_PROFILE=…)
 */
describe.skipIf(env['CALLSEAL_TEST_AWS_KMS'] !== '1')(
  'AWS KMS (skipped without CALLSEAL_TEST_AWS_KMS=1 and credentials)',
  () => {
    kmsContract(async () => {
      const client = new KMSClient({});
      return { client, close: async () => client.destroy() };
    });
  },
);
