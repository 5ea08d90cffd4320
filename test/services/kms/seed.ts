import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Caller, Role } from './access.ts';
import type { KeySpec } from './key.ts';
import type { KeyStore } from './key-store.ts';

/** The seed file: what is there from the start. Key bytes are not in it, they are made at the first start. */
export interface Seed {
  /** Twelve digits. */
  readonly account: string;
  readonly keys: readonly SeedKey[];
  readonly roles: Readonly<Record<string, Role>>;
}

interface SeedKey {
  readonly id: string;
  readonly alias: string;
  readonly spec?: KeySpec;
}

export function readSeed(path: string): Seed {
  return JSON.parse(readFileSync(path, 'utf8')) as Seed;
}

/** Makes the keys that are not there yet, each with its alias. What was changed or deleted since stays so. */
export function plant(seed: Seed, store: KeyStore): void {
  for (const { id, alias, spec = 'SYMMETRIC_DEFAULT' } of seed.keys) {
    if (!store.knows(id)) store.makeSeedKey(id, spec, alias);
  }
}

/**
 * One access key for each role, from `<folder>/kms-<role>` in the form of AWS's credentials file; the secret of the admin
 * endpoint from `<folder>/kms-admin`.
 */
export function readCallers(seed: Seed, folder: string): ReadonlyMap<string, Caller> {
  const callers = Object.entries(seed.roles).map(([role, rights]) => {
    const text = readFileSync(join(folder, `kms-${role}`), 'utf8');
    const accessKeyId = valueOf(text, 'aws_access_key_id');
    const secretAccessKey = valueOf(text, 'aws_secret_access_key');
    const arn = `arn:aws:iam::${seed.account}:user/${role}`;
    return [accessKeyId, { role, arn, ...rights, accessKeyId, secretAccessKey }] as const;
  });
  return new Map(callers);
}

export function readAdminSecret(folder: string): string {
  return readFileSync(join(folder, 'kms-admin'), 'utf8').trim();
}

function valueOf(text: string, name: string): string {
  const value = new RegExp(`^${name}\\s*=\\s*(\\S+)\\s*$`, 'm').exec(text)?.[1];
  if (value === undefined) throw new Error(`there is no ${name} in the credentials file`);
  return value;
}
