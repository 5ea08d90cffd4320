import { CallsealError } from '../../domain/errors.ts';
import type { KekState, Keys } from '../../ports/keys.ts';
import { isKekName, type KekVersion, type KeyRing, newestOf, withNewVersion } from './key-ring.ts';
import { type RingFile, readRingFile, ringFileIdentity, updateRingFile } from './ring-file.ts';
import { generateWrapped, rewrapped, unwrapped, versionOf } from './wrapping.ts';

/** What rows name a KEK by: `keyfile:<tenant>:<class>`. The settings may leave the prefix away. */
const PREFIX = 'keyfile:';
const DEAD_LETTER = 'system:dead-letter';

export interface KeyfileOptions {
  readonly path: string;
  /** Told once the file was made, so that somebody can say loudly that it needs a backup elsewhere. */
  readonly onCreated?: () => void;
}

export interface KeyfileKeys extends Keys {
  /** A new version of a KEK: `generate` and `rewrap` use it from now on, older wrappings still open. */
  rotate(kek: string, signal: AbortSignal): Promise<KekState>;
}

/**
 * KEKs in one local file, for one machine. It protects what is copied away without it, not against who can read
 * it: that takes a key service. Only `ensure` ever makes the file, and never when this process has seen one:
 * a file that vanished is restored from its backup, or what it wrapped is lost.
 */
export function keyfileKeys(options: KeyfileOptions): KeyfileKeys {
  const { path } = options;
  let cached: RingFile | undefined;

  const ringOrNone = async (signal: AbortSignal): Promise<KeyRing | undefined> => {
    signal.throwIfAborted();
    if (cached === undefined || cached.identity !== (await ringFileIdentity(path))) {
      const found = await readRingFile(path);
      if (found === undefined && cached !== undefined) throw fileMissing();
      cached = found;
    }
    return cached?.ring;
  };
  const ring = async (signal: AbortSignal): Promise<KeyRing> => {
    const found = await ringOrNone(signal);
    if (found === undefined) throw fileMissing();
    return found;
  };
  const update = async (change: (before: KeyRing) => KeyRing, name: string, signal: AbortSignal) => {
    const known = cached !== undefined;
    let created = false;
    const after = await updateRingFile(
      path,
      (before) => {
        if (before === undefined && known) throw fileMissing();
        created = before === undefined;
        return change(before ?? new Map());
      },
      signal,
    );
    if (created) options.onCreated?.();
    return stateOf(newestIn(after, name));
  };

  return {
    generate: async (kek, context, signal) => {
      const newest = newestIn(await ring(signal), nameOf(kek));
      const { kek: id, materialId } = stateOf(newest);
      return { ...generateWrapped(newest, context), kek: id, materialId, requestId: undefined };
    },
    unwrap: async ({ kek, context, wrapped }, signal) => {
      const version = wrappedUnder(await ring(signal), nameOf(kek), wrapped);
      return { callKey: unwrapped(version, context, wrapped), requestId: undefined };
    },
    rewrap: async ({ kek, context, wrapped }, signal) => {
      const found = await ring(signal);
      const newest = newestIn(found, nameOf(kek));
      const { kek: id, materialId } = stateOf(newest);
      const from = wrappedUnder(found, newest.name, wrapped);
      return {
        wrapped: rewrapped(from, newest, context, wrapped),
        kek: id,
        materialId,
        requestId: undefined,
      };
    },
    describe: async (kek, signal) => stateOf(newestIn(await ring(signal), nameOf(kek))),
    ensure: async (kek, signal) => {
      const name = nameOf(kek);
      if (!isKekName(name))
        throw new CallsealError('BAD_CONFIG', 'a KEK of the key file is named TENANT:CLASS');
      const newest = (await ringOrNone(signal))?.get(name)?.at(-1);
      if (newest) return stateOf(newest);
      const withIt = (before: KeyRing): KeyRing =>
        before.has(name) ? before : withNewVersion(before, name, new Date().toISOString());
      return await update(withIt, name, signal);
    },
    rotate: async (kek, signal) => {
      const name = nameOf(kek);
      newestIn(await ring(signal), name);
      return await update((before) => withNewVersion(before, name, new Date().toISOString()), name, signal);
    },
    close: async () => {
      cached = undefined;
    },
  };
}

/** What a start looks at before it lets a worker go on with a registry that has key rows. */
export type KeyfileState =
  | { readonly state: 'missing' }
  | {
      readonly state: 'usable';
      /** Each KEK with its newest material. */
      readonly keks: readonly KekState[];
      /** Of all versions: a wrapped key whose material is not among them cannot be opened with this file. */
      readonly materialIds: readonly string[];
    };

/** Never makes the file. @throws CallsealError KEY_FILE_UNUSABLE - there is one, but damaged or not ours alone */
export async function keyfileState(path: string): Promise<KeyfileState> {
  const found = await readRingFile(path);
  if (found === undefined) return { state: 'missing' };
  const { ring } = found;
  return {
    state: 'usable',
    keks: [...ring.keys()].map((name) => stateOf(newestIn(ring, name))),
    materialIds: [...ring.values()].flat().map(({ materialId }) => materialId),
  };
}

function nameOf(kek: string): string {
  return kek.startsWith(PREFIX) ? kek.slice(PREFIX.length) : kek;
}

function stateOf({ name, materialId }: KekVersion): KekState {
  return { kek: `${PREFIX}${name}`, materialId, state: 'enabled' };
}

function newestIn(ring: KeyRing, name: string): KekVersion {
  const newest = newestOf(ring.get(name) ?? []);
  if (newest) return newest;
  throw unknownKey(name, 'the key file has no such KEK', 'was the key file restored from an older backup?');
}

function wrappedUnder(ring: KeyRing, name: string, wrapped: Uint8Array): KekVersion {
  newestIn(ring, name);
  const version = versionOf(wrapped);
  const found = ring.get(name)?.find((one) => one.version === version);
  if (found) return found;
  throw unknownKey(
    name,
    `the key file lacks version ${version} of this KEK`,
    'restore the newest backup of the key file: this one is older than the registry',
  );
}

function unknownKey(name: string, message: string, hint: string): CallsealError {
  const tenant = name.slice(0, name.indexOf(':'));
  // Without the dead-letter KEK nobody's letters can be sealed.
  const scope = name === DEAD_LETTER ? {} : { scope: { tenant } };
  return new CallsealError('KEY_UNKNOWN', message, { hint, ...scope });
}

function fileMissing(): CallsealError {
  return new CallsealError('KEY_FILE_UNUSABLE', 'the key file is missing', {
    hint: 'restore its backup: what it wrapped opens with nothing else',
  });
}
