import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { filesObjects } from '../../src/adapters/objects/files.ts';
import { s3Objects } from '../../src/adapters/objects/s3.ts';
import type { Objects } from '../../src/ports/objects.ts';
import { bucketOptions, dropBucket, makeBucket, type S3StoreName } from './s3-buckets.ts';

/** One object store under test. `kind` and `location` are all that another process needs to open it too. */
export interface ObjectsWorld {
  readonly kind: string;
  readonly location: string;
  dispose(): Promise<void>;
}

interface ObjectsWorldKind {
  /** Whether of several creates of one name *in parts* at the same moment only one wins; default: yes. */
  readonly oneWinnerInParts?: boolean;
  make(): Promise<ObjectsWorld>;
  open(location: string): Objects;
}

const files: ObjectsWorldKind = {
  make: async () => {
    const location = await mkdtemp(join(tmpdir(), 'callseal-objects-'));
    return {
      kind: 'files',
      location,
      dispose: async () => await rm(location, { recursive: true, force: true }),
    };
  },
  open: (location) => filesObjects({ root: join(location, 'objects') }),
};

function s3(store: S3StoreName, more: Pick<ObjectsWorldKind, 'oneWinnerInParts'> = {}): ObjectsWorldKind {
  return {
    ...more,
    make: async () => {
      const location = await makeBucket(store);
      return { kind: store, location, dispose: async () => await dropBucket(store, location) };
    },
    open: (location) => s3Objects(bucketOptions(store, location)),
  };
}

export const OBJECTS_WORLDS: Readonly<Record<string, ObjectsWorldKind>> = {
  files,
  s3: s3('s3'),
  // docs/stores.md: a completion looks first and writes then.
  's3-second': s3('s3-second', { oneWinnerInParts: false }),
};

export function openObjects({ kind, location }: Pick<ObjectsWorld, 'kind' | 'location'>): Objects {
  const world = OBJECTS_WORLDS[kind];
  if (world === undefined) throw new TypeError(`no object store of kind ${kind}`);
  return world.open(location);
}
