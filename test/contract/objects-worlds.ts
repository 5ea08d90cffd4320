import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { filesObjects } from '../../src/adapters/objects/files.ts';
import type { Objects } from '../../src/ports/objects.ts';

/** One object store under test. `kind` and `location` are all that another process needs to open it too. */
export interface ObjectsWorld {
  readonly kind: string;
  readonly location: string;
  dispose(): Promise<void>;
}

interface ObjectsWorldKind {
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

export const OBJECTS_WORLDS: Readonly<Record<string, ObjectsWorldKind>> = { files };

export function openObjects({ kind, location }: Pick<ObjectsWorld, 'kind' | 'location'>): Objects {
  const world = OBJECTS_WORLDS[kind];
  if (world === undefined) throw new TypeError(`no object store of kind ${kind}`);
  return world.open(location);
}
