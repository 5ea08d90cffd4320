import { randomUUID } from 'node:crypto';
import { KmsError } from './errors.ts';
import { type Journal, openJournal } from './journal.ts';
import { type Key, type KeySpec, type KeyState, type Material, newMaterial } from './key.ts';

export interface Alias {
  readonly name: string;
  readonly keyId: string;
  readonly createdMs: number;
  readonly updatedMs: number;
}

/** The lines of the journal. Key bytes are in them as base64, in clear: this is for tests. */
type Change =
  | {
      at: number;
      change: 'key-made';
      keyId: string;
      spec: KeySpec;
      description: string;
      material: StoredMaterial;
      alias?: string;
    }
  | { at: number; change: 'material-added'; keyId: string; material: StoredMaterial }
  | { at: number; change: 'state-set'; keyId: string; state: KeyState; deletionMs?: number }
  | { at: number; change: 'alias-set'; name: string; keyId: string }
  | { at: number; change: 'alias-deleted'; name: string };

interface StoredMaterial {
  readonly id: string;
  readonly bytes: string;
}

const KEY_ARN = /^arn:aws:kms:[a-z0-9-]+:\d{12}:(key|alias)\/.+$/;

/** All keys and aliases. State is nothing but the journal replayed; each method here writes its change first. */
export class KeyStore {
  readonly #journal: Journal<Change>;
  readonly #keys = new Map<string, Key>();
  readonly #aliases = new Map<string, Alias>();
  readonly #arnStart: string;

  constructor(path: string, region: string, account: string) {
    this.#arnStart = `arn:aws:kms:${region}:${account}:`;
    this.#journal = openJournal<Change>(path, (change) => this.#apply(change));
  }

  close(): void {
    this.#journal.close();
  }

  makeKey(spec: KeySpec, description: string): Key {
    const keyId = randomUUID();
    this.#record({
      at: Date.now(),
      change: 'key-made',
      keyId,
      spec,
      description,
      material: stored(newMaterial(spec)),
    });
    return this.byId(keyId);
  }

  /** Key and alias in one line of the journal: a crash cannot leave the one without the other. */
  makeSeedKey(keyId: string, spec: KeySpec, alias: string): void {
    const made = { keyId, spec, description: `seed ${alias}`, material: stored(newMaterial(spec)), alias };
    this.#record({ at: Date.now(), change: 'key-made', ...made });
  }

  /** Whether there ever was such a key. */
  knows(keyId: string): boolean {
    return this.#keys.has(keyId);
  }

  addMaterial(key: Key): void {
    this.#record({
      at: Date.now(),
      change: 'material-added',
      keyId: key.id,
      material: stored(newMaterial(key.spec)),
    });
  }

  setState(key: Key, state: 'Enabled' | 'Disabled'): void {
    this.#record({ at: Date.now(), change: 'state-set', keyId: key.id, state });
  }

  scheduleDeletion(key: Key, deletionMs: number): void {
    this.#record({
      at: Date.now(),
      change: 'state-set',
      keyId: key.id,
      state: 'PendingDeletion',
      deletionMs,
    });
  }

  setAlias(name: string, key: Key): void {
    this.#record({ at: Date.now(), change: 'alias-set', name, keyId: key.id });
  }

  deleteAlias(name: string): void {
    this.#record({ at: Date.now(), change: 'alias-deleted', name });
  }

  alias(name: string): Alias | undefined {
    return this.#aliases.get(name);
  }

  /** In the order of their names. */
  aliases(): readonly Alias[] {
    return [...this.#aliases.values()].toSorted((a, b) => (a.name < b.name ? -1 : 1));
  }

  aliasArn(name: string): string {
    return `${this.#arnStart}${name}`;
  }

  /** @throws KmsError NotFoundException - no such key, or its deletion date has passed. */
  byId(keyId: string): Key {
    const key = this.#keys.get(keyId);
    if (!key || (key.deletionMs !== undefined && key.deletionMs <= Date.now())) {
      throw new KmsError('NotFoundException', `Key '${this.#arnStart}key/${keyId}' does not exist`);
    }
    return key;
  }

  /**
   * By key id, key ARN, alias name or alias ARN.
   * @throws KmsError NotFoundException - none of the four names a key here.
   * @throws KmsError InvalidArnException - begins like an ARN and is none of KMS.
   */
  find(named: string): Key {
    const name = this.#withoutArn(named);
    if (!name.startsWith('alias/')) return this.byId(name);
    const alias = this.#aliases.get(name);
    if (!alias) throw new KmsError('NotFoundException', `Alias ${this.aliasArn(name)} is not found.`);
    return this.byId(alias.keyId);
  }

  /** For the operations that change a key: AWS takes no alias there. */
  findNoAlias(named: string): Key {
    const name = this.#withoutArn(named);
    if (name.startsWith('alias/')) throw new KmsError('NotFoundException', `Invalid keyId '${named}'`);
    return this.byId(name);
  }

  #withoutArn(named: string): string {
    if (!named.startsWith('arn:')) return named;
    if (!KEY_ARN.test(named))
      throw new KmsError('InvalidArnException', `${named} is no ARN of a key or alias`);
    if (!named.startsWith(this.#arnStart))
      throw new KmsError('NotFoundException', `${named} is not of this region and account`);
    return named.slice(this.#arnStart.length).replace(/^key\//, '');
  }

  #record(change: Change): void {
    this.#journal.write(change);
    this.#apply(change);
  }

  #apply(change: Change): void {
    switch (change.change) {
      case 'key-made':
        this.#keys.set(change.keyId, this.#madeKey(change));
        if (change.alias !== undefined) this.#applyAlias(change.alias, change.keyId, change.at);
        return;
      case 'material-added': {
        const key = this.#replayed(change.keyId);
        this.#keys.set(key.id, { ...key, materials: [...key.materials, read(change.material, change.at)] });
        return;
      }
      case 'state-set': {
        const { deletionMs: _, ...key } = this.#replayed(change.keyId);
        const deletion = change.deletionMs === undefined ? {} : { deletionMs: change.deletionMs };
        this.#keys.set(key.id, { ...key, state: change.state, ...deletion });
        return;
      }
      case 'alias-set':
        this.#applyAlias(change.name, change.keyId, change.at);
        return;
      case 'alias-deleted':
        this.#aliases.delete(change.name);
    }
  }

  #applyAlias(name: string, keyId: string, at: number): void {
    this.#aliases.set(name, {
      name,
      keyId,
      createdMs: this.#aliases.get(name)?.createdMs ?? at,
      updatedMs: at,
    });
  }

  /** Unlike `byId` blind to the clock: a deletion date that is past by now had not passed when the change was made. */
  #replayed(keyId: string): Key {
    const key = this.#keys.get(keyId);
    if (!key) throw new Error(`the journal changes key ${keyId} before it makes it`);
    return key;
  }

  #madeKey(change: Extract<Change, { change: 'key-made' }>): Key {
    return {
      id: change.keyId,
      arn: `${this.#arnStart}key/${change.keyId}`,
      spec: change.spec,
      description: change.description,
      createdMs: change.at,
      state: 'Enabled',
      materials: [read(change.material, change.at)],
    };
  }
}

function stored(material: Material): StoredMaterial {
  return { id: material.id, bytes: material.bytes.toString('base64') };
}

function read(material: StoredMaterial, sinceMs: number): Material {
  return { id: material.id, bytes: Buffer.from(material.bytes, 'base64'), sinceMs };
}
