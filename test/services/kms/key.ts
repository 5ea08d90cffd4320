import { generateKeyPairSync, randomBytes } from 'node:crypto';

export const USAGE_OF = {
  SYMMETRIC_DEFAULT: 'ENCRYPT_DECRYPT',
  ECC_NIST_P256: 'SIGN_VERIFY',
  HMAC_256: 'GENERATE_VERIFY_MAC',
} as const;

export type KeySpec = keyof typeof USAGE_OF;
export type KeyUsage = (typeof USAGE_OF)[KeySpec];
export type KeyState = 'Enabled' | 'Disabled' | 'PendingDeletion';

export const KEY_SPECS = Object.keys(USAGE_OF) as readonly KeySpec[];

/** Key bytes with a name of their own: a rotation adds one. For ECC_NIST_P256 the bytes are a PKCS #8 document. */
export interface Material {
  /** 64 hex digits, AWS's KeyMaterialId. */
  readonly id: string;
  readonly bytes: Buffer;
  readonly sinceMs: number;
}

export interface Key {
  readonly id: string;
  readonly arn: string;
  readonly spec: KeySpec;
  readonly description: string;
  readonly createdMs: number;
  readonly state: KeyState;
  /** Set exactly while the state is PendingDeletion. */
  readonly deletionMs?: number;
  /** Oldest first, never empty. The last one encrypts, all of them decrypt. */
  readonly materials: readonly Material[];
}

export function currentMaterial(key: Key): Material {
  const material = key.materials.at(-1);
  if (!material) throw new Error(`key ${key.id} has no material`);
  return material;
}

export function newMaterial(spec: KeySpec): Material {
  return { id: randomBytes(32).toString('hex'), bytes: newKeyBytes(spec), sinceMs: Date.now() };
}

function newKeyBytes(spec: KeySpec): Buffer {
  if (spec !== 'ECC_NIST_P256') return randomBytes(32);
  const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return pair.privateKey.export({ type: 'pkcs8', format: 'der' });
}
