import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DescribeKeyCommand, RotateKeyOnDemandCommand } from '@aws-sdk/client-kms';
import { type AwsKmsOptions, awsKmsKeys } from '../../src/adapters/keys/aws-kms.ts';
import { keyfileKeys } from '../../src/adapters/keys/keyfile.ts';
import type { Keys } from '../../src/ports/keys.ts';
import type { KmsProcess, KmsRole } from '../services/kms-process.ts';

/** A key service under test, with two KEKs of `t-42` and one of `t-43` in it. */
export interface KeysWorld {
  readonly keys: Keys;
  /** The KEKs as the settings would name them. */
  readonly keks: { readonly phi: string; readonly voiceprint: string; readonly other: string };
  /** A name of `t-42` that the service does not know. */
  readonly unknown: string;
  /** Gives a KEK new material, which the service names and uses from now on. */
  rotate(kek: string): Promise<void>;
  /** Whether `ensure` makes KEKs here; elsewhere it throws KEY_UNKNOWN. */
  readonly makesKeks: boolean;
  dispose(): Promise<void>;
}

const { signal } = new AbortController();

export async function keyfileWorld(): Promise<
  KeysWorld & { readonly folder: string; readonly path: string }
> {
  const folder = await mkdtemp(join(tmpdir(), 'callseal-keys-'));
  const path = join(folder, 'keys', 'kek.json');
  const keys = keyfileKeys({ path });
  const keks = { phi: 't-42:phi', voiceprint: 't-42:voiceprint', other: 't-43:phi' };
  for (const kek of Object.values(keks)) await keys.ensure(kek, signal);
  return {
    folder,
    path,
    keys,
    keks,
    unknown: 't-42:nothing',
    rotate: async (kek) => void (await keys.rotate(kek, signal)),
    makesKeks: true,
    dispose: async () => await rm(folder, { recursive: true, force: true }),
  };
}

export function kmsOptions(kms: KmsProcess, folder: string, role: KmsRole = 'worker'): AwsKmsOptions {
  return {
    region: 'us-east-1',
    endpoint: kms.endpoint,
    ca: join(folder, 'cert.pem'),
    credentialsFile: join(folder, `kms-${role}`),
    requestsPerSecond: 10_000,
    tenantOf: (kek) => /^alias\/(t-\d+)-/.exec(kek)?.[1],
  };
}

/** @param folder of the stand-in, where its certificate and the credentials files are */
export function awsKmsWorld(kms: KmsProcess, folder: string): KeysWorld {
  return {
    keys: awsKmsKeys(kmsOptions(kms, folder)),
    keks: { phi: 'alias/t-42-phi', voiceprint: 'alias/t-42-voice', other: 'alias/t-1-phi' },
    unknown: 'alias/t-42-nothing',
    rotate: async (kek) => {
      const operator = kms.client('operator');
      const { KeyMetadata } = await operator.send(new DescribeKeyCommand({ KeyId: kek }));
      await operator.send(new RotateKeyOnDemandCommand({ KeyId: KeyMetadata?.Arn }));
      operator.destroy();
    },
    makesKeks: false,
    dispose: async () => undefined,
  };
}
