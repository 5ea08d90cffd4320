import { createHmac, createSecretKey, type KeyObject, randomBytes } from 'node:crypto';
import { z } from 'zod';
import { canonical } from '../../domain/canonical.ts';

/** One version of a KEK. */
export interface KekVersion {
  readonly name: string;
  readonly version: number;
  readonly createdAt: string;
  readonly key: KeyObject;
  readonly materialId: string;
}

/** KEKs by name (`<tenant>:<class>`, `system:dead-letter`), each with its versions, oldest first, at least one. */
export type KeyRing = ReadonlyMap<string, readonly KekVersion[]>;

/**
 * The key file:
 *
 *   { "format": "callseal.keyfile/1",
 *     "keks": { "t-42:phi": [ { "version": 1, "createdAt": "…", "key": "64 hex digits", "materialId": "…" } ] } }
 *
 *   materialId = first 16 bytes of HMAC-SHA256(key, RFC 8785 form of { createdAt, kek, version }), in hex
 *
 * The material id stands in receipts and audit events and gives nothing of the key away. It is checked at every
 * load, so no flipped bit of the file passes for a key: what it would wrap could never be opened again.
 */
const FORMAT = 'callseal.keyfile/1';
const KEY_BYTES = 32;
const MATERIAL_ID_BYTES = 16;

const KEK_NAME = /^[A-Za-z0-9._-]{1,128}:[A-Za-z0-9._-]{1,128}$/;
const hex = (bytes: number): z.ZodString => z.string().regex(new RegExp(`^[0-9a-f]{${bytes * 2}}$`));
const fileSchema = z.strictObject({
  format: z.literal(FORMAT),
  keks: z.record(
    z.string().regex(KEK_NAME),
    z
      .array(
        z.strictObject({
          version: z.int().min(1).max(0xffff_ffff),
          createdAt: z.iso.datetime(),
          key: hex(KEY_BYTES),
          materialId: hex(MATERIAL_ID_BYTES),
        }),
      )
      .min(1),
  ),
});

export function isKekName(name: string): boolean {
  return KEK_NAME.test(name);
}

export function newestOf(versions: readonly KekVersion[]): KekVersion | undefined {
  return versions.at(-1);
}

/** The ring with a new version of a KEK, made of fresh random bytes; its first one where there is none. */
export function withNewVersion(ring: KeyRing, name: string, createdAt: string): KeyRing {
  const versions = ring.get(name) ?? [];
  const version = (newestOf(versions)?.version ?? 0) + 1;
  const key = secretKey(randomBytes(KEY_BYTES));
  const made = { name, version, createdAt, key, materialId: materialIdOf({ name, version, createdAt, key }) };
  return new Map([...ring, [name, [...versions, made]]]);
}

/** Hex text stays in memory until it is collected: a key file cannot be read without, and is no KMS. */
export function ringText(ring: KeyRing): string {
  const keks = [...ring].map(([name, versions]) => [name, versions.map(versionEntry)] as const);
  return `${JSON.stringify({ format: FORMAT, keks: Object.fromEntries(keks) }, undefined, 2)}\n`;
}

/** @returns undefined for anything but a whole, undamaged key file. Never why: that could quote key material. */
export function parseRing(text: string): KeyRing | undefined {
  const parsed = fileSchema.safeParse(jsonOrUndefined(text));
  if (!parsed.success) return undefined;
  const ring = new Map<string, KekVersion[]>();
  for (const [name, entries] of Object.entries(parsed.data.keks)) {
    const versions = entries.map(({ key, ...entry }) => ({
      ...entry,
      name,
      key: secretKey(Buffer.from(key, 'hex')),
    }));
    const ascending = versions.every((entry, i) => entry.version > (versions[i - 1]?.version ?? 0));
    if (!ascending || !versions.every((entry) => materialIdOf(entry) === entry.materialId)) return undefined;
    ring.set(name, versions);
  }
  return ring;
}

function versionEntry({
  version,
  createdAt,
  key,
  materialId,
}: KekVersion): z.infer<typeof fileSchema>['keks'][string][number] {
  const bytes = key.export();
  const entry = { version, createdAt, key: bytes.toString('hex'), materialId };
  bytes.fill(0);
  return entry;
}

function materialIdOf({ name, version, createdAt, key }: Omit<KekVersion, 'materialId'>): string {
  const mac = createHmac('sha256', key)
    .update(canonical({ createdAt, kek: name, version }))
    .digest();
  return mac.subarray(0, MATERIAL_ID_BYTES).toString('hex');
}

function secretKey(bytes: Buffer): KeyObject {
  const key = createSecretKey(bytes);
  bytes.fill(0);
  return key;
}

function jsonOrUndefined(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
