import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  CancelKeyDeletionCommand,
  DescribeKeyCommand,
  DisableKeyCommand,
  EnableKeyCommand,
  ScheduleKeyDeletionCommand,
  UpdateAliasCommand,
} from '@aws-sdk/client-kms';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { awsKmsKeys } from '../../src/adapters/keys/aws-kms.ts';
import type { GeneratedKey, Keys } from '../../src/ports/keys.ts';
import { type KmsProcess, startKms } from '../services/kms-process.ts';
import { keysContract } from './keys-suite.ts';
import { awsKmsWorld, kmsOptions } from './keys-worlds.ts';

const never = new AbortController().signal;
const PHI = 'alias/t-42-phi';
const CONTEXT = { tenant: 't-42', callUid: 'c-1', class: 'phi', purpose: 'seal', attempt: 'a-1' };
const OF_SYSTEM = { class: 'dead-letter', purpose: 'park', worker: 'w-1', day: '2026-11-24' };
const OF_TENANT = { tenant: 't-42' };

let folder: string;
let kms: KmsProcess;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'callseal-keys-'));
  kms = await startKms(folder);
});
afterAll(async () => {
  await kms.stop();
  rmSync(folder, { recursive: true });
});

keysContract('aws-kms', async () => awsKmsWorld(kms, folder));

describe('AWS KMS beyond the contract', () => {
  let keys: Keys;
  let made: GeneratedKey;

  beforeEach(async () => {
    keys = awsKmsKeys(kmsOptions(kms, folder));
    made = await keys.generate(PHI, CONTEXT, never);
  });
  afterEach(async () => {
    await keys.close();
    await kms.admin.setFaults();
    await kms.admin.setDenyRules();
  });

  const everyMethod = (context: Readonly<Record<string, string>> = CONTEXT) => {
    const row = { wrapped: made.wrapped, kek: made.kek, context };
    return {
      generate: async () => await keys.generate(PHI, context, never),
      unwrap: async () => await keys.unwrap(row, never),
      rewrap: async () => await keys.rewrap(row, never),
    };
  };
  /** The KEK's life, as its owner changes it; undone after the test. */
  const asOwner = async <T>(work: (owner: ReturnType<KmsProcess['client']>) => Promise<T>): Promise<T> => {
    const owner = kms.client('root');
    try {
      return await work(owner);
    } finally {
      owner.destroy();
    }
  };

  test('each method is one request, found in the log by its request id and with the context as given', async () => {
    const before = (await kms.admin.requests()).length;
    const { requestId } = await keys.generate(PHI, CONTEXT, never);
    const row = { wrapped: made.wrapped, kek: made.kek, context: CONTEXT };
    const ids = [
      requestId,
      (await keys.unwrap(row, never)).requestId,
      (await keys.rewrap(row, never)).requestId,
    ];
    const entries = (await kms.admin.requests()).slice(before);
    expect(entries.map((entry) => entry.requestId)).toEqual(ids);
    expect(JSON.stringify(entries)).toContain('"attempt":"a-1"');
  });

  for (const [effect, code] of [
    ['throttle', 'KMS_THROTTLED'],
    ['internal-error', 'KMS_DOWN'],
    ['drop-request', 'KMS_DOWN'],
    ['drop-reply', 'KMS_DOWN'],
  ] as const) {
    test(`${effect} is ${code} for everybody, after one request`, async () => {
      for (const act of Object.values(everyMethod())) {
        await kms.admin.setFaults({ effect, times: 1 });
        await expect(act()).rejects.toMatchObject({ code, scope: undefined });
        expect(await kms.admin.faultsInForce()).toEqual([]);
      }
    });
  }

  test('a disabled KEK is KEY_DISABLED for its tenant, and describe says so', async () => {
    await asOwner(async (owner) => await owner.send(new DisableKeyCommand({ KeyId: made.kek })));
    onTestFinished(async () => {
      await asOwner(async (owner) => await owner.send(new EnableKeyCommand({ KeyId: made.kek })));
    });
    for (const act of Object.values(everyMethod())) {
      await expect(act()).rejects.toMatchObject({ code: 'KEY_DISABLED', scope: OF_TENANT });
    }
    expect(await keys.describe(PHI, never)).toMatchObject({ kek: made.kek, state: 'disabled' });
  });

  test('a KEK about to be deleted is KEY_PENDING_DELETION for its tenant, and describe says so', async () => {
    await asOwner(async (owner) => await owner.send(new ScheduleKeyDeletionCommand({ KeyId: made.kek })));
    onTestFinished(async () => {
      await asOwner(async (owner) => {
        await owner.send(new CancelKeyDeletionCommand({ KeyId: made.kek }));
        await owner.send(new EnableKeyCommand({ KeyId: made.kek }));
      });
    });
    for (const act of Object.values(everyMethod())) {
      await expect(act()).rejects.toMatchObject({ code: 'KEY_PENDING_DELETION', scope: OF_TENANT });
    }
    expect(await keys.describe(PHI, never)).toMatchObject({ state: 'pending-deletion' });
  });

  test('a KEK that we may not use is KMS_DENIED for its tenant, without an ARN in the message', async () => {
    await kms.admin.setDenyRules({ actions: ['*'], keys: [PHI] });
    for (const act of Object.values(everyMethod())) {
      const denied = { code: 'KMS_DENIED', scope: OF_TENANT, message: expect.not.stringContaining('arn:') };
      await expect(act()).rejects.toMatchObject(denied);
    }
  });

  test('a KEK of the system that we may not use concerns everybody', async () => {
    await kms.admin.setDenyRules({ actions: ['*'], keys: ['alias/callseal-dlq'] });
    const generating = keys.generate('alias/callseal-dlq', OF_SYSTEM, never);
    await expect(generating).rejects.toMatchObject({ code: 'KMS_DENIED', scope: undefined });
  });

  test('wrong credentials are KMS_DENIED for everybody', async () => {
    const credentialsFile = join(folder, 'kms-stranger');
    writeFileSync(credentialsFile, '[default]\naws_access_key_id=TESTWORKER\naws_secret_access_key=wrong\n');
    const stranger = awsKmsKeys({ ...kmsOptions(kms, folder), credentialsFile });
    onTestFinished(async () => await stranger.close());
    const generating = stranger.generate(PHI, CONTEXT, never);
    await expect(generating).rejects.toMatchObject({ code: 'KMS_DENIED', scope: undefined });
  });

  test('nobody at the port is KMS_DOWN for everybody', async () => {
    const away = awsKmsKeys({ ...kmsOptions(kms, folder), endpoint: 'https://localhost:1' });
    onTestFinished(async () => await away.close());
    await expect(away.describe(PHI, never)).rejects.toMatchObject({ code: 'KMS_DOWN', scope: undefined });
  });

  test('a key that signs is no KEK', async () => {
    const generating = keys.generate('alias/callseal-audit-sign', OF_SYSTEM, never);
    await expect(generating).rejects.toMatchObject({ code: 'KEY_UNKNOWN' });
  });

  test('a row opens by its ARN after the alias has moved to another key', async () => {
    const other = await keys.describe('alias/t-3-phi', never);
    const move = async (TargetKeyId: string) => {
      await asOwner(
        async (owner) => await owner.send(new UpdateAliasCommand({ AliasName: PHI, TargetKeyId })),
      );
    };
    await move(other.kek);
    onTestFinished(async () => await move(made.kek));
    expect((await keys.generate(PHI, CONTEXT, never)).kek).toBe(other.kek);
    const row = { wrapped: made.wrapped, kek: made.kek, context: CONTEXT };
    expect((await keys.unwrap(row, never)).callKey.equals(made.callKey)).toBe(true);
    expect((await keys.rewrap(row, never)).kek).toBe(made.kek);
  });

  test('a row that names an alias is not authentic: its answer names another key', async () => {
    const row = { wrapped: made.wrapped, kek: PHI, context: CONTEXT };
    for (const act of [
      async () => await keys.unwrap(row, never),
      async () => await keys.rewrap(row, never),
    ]) {
      const error: unknown = await act().catch((failure: unknown) => failure);
      expect(error).toMatchObject({ code: 'NOT_AUTHENTIC' });
      expect(error).not.toHaveProperty('cause');
    }
  });

  test('an abort ends a request that is on its way', async () => {
    await kms.admin.setFaults({ effect: 'delay', delayMs: 2_000, times: 1 });
    const stop = new AbortController();
    const generating = keys.generate(PHI, CONTEXT, stop.signal);
    setImmediate(() => stop.abort());
    await expect(generating).rejects.toMatchObject({ name: 'AbortError' });
  });

  test('an abort ends a wait for the rate', async () => {
    const slow = awsKmsKeys({ ...kmsOptions(kms, folder), requestsPerSecond: 1 });
    onTestFinished(async () => await slow.close());
    await slow.describe(PHI, never);
    const stop = new AbortController();
    const waiting = slow.describe(PHI, stop.signal);
    setImmediate(() => stop.abort());
    await expect(waiting).rejects.toMatchObject({ name: 'AbortError' });
  });

  test('a FIPS endpoint and an endpoint of its own exclude each other', () => {
    expect(() => awsKmsKeys({ ...kmsOptions(kms, folder), fips: true })).toThrow(/exclude each other/);
  });

  test('describe names the key that an alias stands for', async () => {
    const arn = await asOwner(async (owner) => await owner.send(new DescribeKeyCommand({ KeyId: PHI })));
    expect((await keys.describe(PHI, never)).kek).toBe(arn.KeyMetadata?.Arn);
  });
});
