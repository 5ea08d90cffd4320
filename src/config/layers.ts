/**
 * Layers of settings, lowest first. A layer is a list of leaves, each with where it came from, so that origin and
 * value can never drift apart. Maps are merged, arrays replace, and a block of another `kind` replaces the block. A
 * tenant, policy, inbox topic or source alias that is null in a higher layer is taken away.
 */

/** A setting as one layer gives it: a plain value, an array, or an empty map. */
export interface Leaf {
  readonly path: readonly string[];
  readonly value: unknown;
  /** A file name, a variable's name or a flag: what `config print` shows. */
  readonly origin: string;
  /** What a relative path in it is relative to. */
  readonly folder: string;
}

export type Tree = { [name: string]: unknown };

/** A name that would reach an object's prototype. Never a setting, and refused before anything is built from it. */
const FORBIDDEN = new Set(['__proto__', 'constructor', 'prototype']);

export function isMap(value: unknown): value is Tree {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** @throws RangeError for a name that would reach an object's prototype */
export function leavesOf(
  tree: Tree,
  from: Pick<Leaf, 'origin' | 'folder'>,
  path: readonly string[] = [],
): Leaf[] {
  return Object.entries(tree).flatMap(([name, value]) => {
    if (FORBIDDEN.has(name)) throw new RangeError(`${name} can be no setting`);
    const here = [...path, name];
    if (isMap(value) && Object.keys(value).length > 0) return leavesOf(value, from, here);
    return [{ path: here, value, ...from }];
  });
}

export class Layers {
  readonly #leaves = new Map<string, Leaf>();

  add(layer: readonly Leaf[]): void {
    for (const leaf of layer) if (leaf.path.at(-1) === 'kind') this.#dropOtherKind(leaf);
    for (const leaf of layer) {
      if (isMap(leaf.value) && this.near(leaf.path) !== undefined) continue; // an empty map changes nothing
      this.#dropAround(leaf.path);
      this.#leaves.set(keyOf(leaf.path), leaf);
    }
  }

  tree(): Tree {
    const root: Tree = {};
    for (const { path, value } of this.#leaves.values()) {
      if (value === null && isNamedEntry(path)) continue;
      let at = root;
      for (const name of path.slice(0, -1)) {
        const inner = at[name];
        const next = isMap(inner) ? inner : {};
        at[name] = next;
        at = next;
      }
      at[path.at(-1) ?? ''] = value;
    }
    return root;
  }

  /** The leaf at a path, or the one it lies in, or the first below it. */
  near(path: readonly string[]): Leaf | undefined {
    for (let length = path.length; length > 0; length--) {
      const leaf = this.#leaves.get(keyOf(path.slice(0, length)));
      if (leaf) return leaf;
    }
    return [...this.#leaves.values()].find((leaf) => startsWith(leaf.path, path));
  }

  /** The leaf that gave the value at a path, or undefined: then it is the schema's default. */
  at(path: readonly string[]): Leaf | undefined {
    return this.#leaves.get(keyOf(path));
  }

  #dropOtherKind(leaf: Leaf): void {
    const before = this.#leaves.get(keyOf(leaf.path));
    if (before === undefined || before.value === leaf.value) return;
    const block = leaf.path.slice(0, -1);
    for (const [key, other] of this.#leaves) if (startsWith(other.path, block)) this.#leaves.delete(key);
  }

  /** A value replaces a map of the same name, and a map a value. */
  #dropAround(path: readonly string[]): void {
    for (const [key, other] of this.#leaves) {
      if (startsWith(path, other.path) || startsWith(other.path, path)) this.#leaves.delete(key);
    }
  }
}

/** `tenants.<name>`, `policies.<name>`, `inbox.topics.<topic>`, `tenants.<name>.sources.<alias>`. */
function isNamedEntry(path: readonly string[]): boolean {
  const [block, second, inner] = path;
  if (path.length === 2) return block === 'tenants' || block === 'policies';
  if (path.length === 3) return block === 'inbox' && second === 'topics';
  return path.length === 4 && block === 'tenants' && inner === 'sources';
}

function keyOf(path: readonly string[]): string {
  return JSON.stringify(path);
}

function startsWith(path: readonly string[], start: readonly string[]): boolean {
  return start.every((part, i) => part === path[i]);
}
