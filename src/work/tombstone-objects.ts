import { createHash } from 'node:crypto';
import { canonical } from '../domain/canonical.ts';
import { CallsealError, codeOf } from '../domain/errors.ts';
import type { ListedObject, Objects, Part } from '../ports/objects.ts';
import type { Restoring, Tombstone } from '../ports/registry.ts';
import { readWhole } from './read-whole.ts';

/**
 * Tombstones once more, beside the sealed objects: a registry that is put back from a backup has forgotten the shreds
 * since then, and its backup may still hold the keys. They are in clear, and hold ids and times only.
 *
 *   ~tombstones/<time>-<digest>
 *
 *   time    milliseconds, 16 digits counting down, so that the newest comes first by name
 *   digest  SHA-256, hex, of the bytes, which are RFC 8785 JSON of tenant, call, keyClass and at
 *
 * `~` stands in no tenant's id, so no call's objects are under this name.
 */
const PREFIX = '~tombstones/';
/** The last moment that a Date can hold, in milliseconds. */
const LAST_MS = 8_640_000_000_000_000;

export function isTombstoneName(name: string): boolean {
  return name.startsWith(PREFIX);
}

export function tombstoneName(tombstone: Tombstone): string {
  return nameOf(tombstone, bytesOf(tombstone));
}

/**
 * Writes each that is not there yet. After the registry has committed, never before: an object without its row means
 * that the registry went back.
 */
export async function writeTombstones(
  objects: Pick<Objects, 'create'>,
  tombstones: readonly Tombstone[],
  signal: AbortSignal,
): Promise<void> {
  for (const tombstone of tombstones) {
    const bytes = bytesOf(tombstone);
    try {
      await objects.create(nameOf(tombstone, bytes), onePart(bytes), signal);
    } catch (error) {
      if (codeOf(error) !== 'OBJECT_EXISTS') throw error;
    }
  }
}

/** Writes what a process that died after its commit did not. @returns how many were missing */
export async function copyTombstones(
  { registry, objects }: { readonly registry: Pick<Restoring, 'tombstones'>; readonly objects: Objects },
  signal: AbortSignal,
): Promise<number> {
  const there = new Set((await listTombstones(objects, signal)).map(({ name }) => name));
  const missing = (await registry.tombstones(signal)).filter((one) => !there.has(tombstoneName(one)));
  await writeTombstones(objects, missing, signal);
  return missing.length;
}

/**
 * The newest first.
 *
 * @throws CallsealError DIGEST_DIFFERS - one is not what its name says: nothing is re-applied by guessing
 */
export async function* readTombstones(
  objects: Pick<Objects, 'list' | 'read'>,
  signal: AbortSignal,
): AsyncGenerator<Tombstone> {
  for (const { name, bytes } of await listTombstones(objects, signal)) {
    const content = await readWhole(objects, name, bytes, signal);
    if (!name.endsWith(digestOf(content))) {
      throw new CallsealError('DIGEST_DIFFERS', 'a tombstone in the object store is not what its name says');
    }
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- its digest says that these are our bytes
    yield JSON.parse(content.toString()) as Tombstone;
  }
}

/** By name: a store lists in any order. */
async function listTombstones(objects: Pick<Objects, 'list'>, signal: AbortSignal): Promise<ListedObject[]> {
  const listed = await Array.fromAsync(objects.list(PREFIX, signal));
  return listed.filter(({ unfinished }) => !unfinished).toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

function nameOf({ at }: Tombstone, bytes: Buffer): string {
  const time = String(LAST_MS - Date.parse(at)).padStart(16, '0');
  return `${PREFIX}${time}-${digestOf(bytes)}`;
}

function bytesOf({ tenant, call, keyClass, at }: Tombstone): Buffer {
  const scope = { ...(call === undefined ? {} : { call }), ...(keyClass === undefined ? {} : { keyClass }) };
  return Buffer.from(canonical({ tenant, ...scope, at }));
}

function digestOf(bytes: Buffer): string {
  return createHash('sha256').update(bytes).digest('hex');
}

async function* onePart(bytes: Buffer): AsyncGenerator<Part> {
  yield { bytes, last: true, release: () => undefined };
}
