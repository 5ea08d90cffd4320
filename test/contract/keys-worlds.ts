import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { keyfileKeys } from '../../src/adapters/keys/keyfile.ts';
import type { Keys } from '../../src/ports/keys.ts';

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
