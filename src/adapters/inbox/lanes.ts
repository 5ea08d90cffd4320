/**
 * Which record is delivered next: pure state, no I/O, one owner.
 *
 *   tenant ──▶ lane per record key ──▶ records of the key, in order
 *
 * A lane is `ready` (its head may be taken), `running` (its head is in hand), `held` (its head waits for a paused
 * dependency) or `stopped` (its head was left: this run delivers nothing of that key any more). Tenants with ready
 * lanes take turns, and so do the lanes of a tenant: neither a tenant's backlog nor a call's starves the others.
 */
export interface LaneItem {
  /** Unique among the records of a run. */
  readonly id: number;
  /** `<tenant>/<call>`. A record without a key has no order to keep and gets a lane of its own. */
  readonly key: string | undefined;
  readonly bytes: number;
}

export interface LaneLimits {
  /** Records in hand at once. */
  readonly calls: number;
  /** Bytes of bodies in hand at once. A larger body goes alone: it would never fit. */
  readonly bytes: number;
}

export interface Lanes<Item extends LaneItem> {
  /** Takes a record in behind the others of its key; one that is known already is passed over. */
  add(item: Item): void;
  /** The next record to deliver, now in hand; undefined while nothing is ready or a limit is reached. */
  take(): Item | undefined;
  /** The record in hand is done: the next of its key may follow. */
  finish(item: Item): void;
  /** The record in hand waits, and its key with it, until `release`. */
  hold(item: Item): void;
  /** A held record may be taken again; it is the next of its tenant. */
  release(item: Item): void;
  /** The record in hand is left: it and its key are not delivered again in this run. */
  leave(item: Item): void;
  /** Nothing is ready, in hand or held. */
  idle(): boolean;
  /** Records of a tenant: all that are known, and those whose lane is held or stopped. */
  countOf(tenant: string): { readonly known: number; readonly blocked: number };
}

/** The part of a record key before the first `/`; empty for a record without a key. */
export function tenantOf(key: string | undefined): string {
  return key?.split('/', 1)[0] ?? '';
}

type LaneState = 'ready' | 'running' | 'held' | 'stopped';

interface Lane<Item> {
  readonly name: string;
  readonly tenant: Tenant<Item>;
  readonly items: Item[];
  state: LaneState;
}

interface Tenant<Item> {
  readonly name: string;
  readonly ready: Lane<Item>[];
  known: number;
  blocked: number;
}

export function createLanes<Item extends LaneItem>(limits: LaneLimits): Lanes<Item> {
  const known = new Set<number>();
  const lanes = new Map<string, Lane<Item>>();
  const tenants = new Map<string, Tenant<Item>>();
  /** Tenants with a ready lane, the next one first. */
  const turns: Tenant<Item>[] = [];
  let inHand = 0;
  let bytesInHand = 0;
  let stopped = 0;

  const makeReady = (lane: Lane<Item>, place: 'first' | 'last'): void => {
    const { tenant } = lane;
    lane.state = 'ready';
    if (tenant.ready.length === 0) turns.push(tenant);
    if (place === 'first') tenant.ready.unshift(lane);
    else tenant.ready.push(lane);
  };
  const laneOf = (item: Item): Lane<Item> => {
    const lane = lanes.get(laneName(item));
    if (lane?.items[0]?.id !== item.id) throw new TypeError('only the head of a lane can be in hand');
    return lane;
  };
  const putDown = (item: Item): Lane<Item> => {
    const lane = laneOf(item);
    if (lane.state !== 'running') throw new TypeError('the record is not in hand');
    inHand--;
    bytesInHand -= item.bytes;
    return lane;
  };

  return {
    add: (item) => {
      if (known.has(item.id)) return;
      known.add(item.id);
      const tenant = upsert(tenants, tenantOf(item.key), (name) => ({
        name,
        ready: [],
        known: 0,
        blocked: 0,
      }));
      tenant.known++;
      const lane = lanes.get(laneName(item));
      if (lane) {
        lane.items.push(item);
        if (isBlocked(lane)) tenant.blocked++;
        return;
      }
      const fresh: Lane<Item> = { name: laneName(item), tenant, items: [item], state: 'ready' };
      lanes.set(fresh.name, fresh);
      makeReady(fresh, 'last');
    },
    take: () => {
      const tenant = turns[0];
      const lane = tenant?.ready[0];
      const item = lane?.items[0];
      if (!tenant || !lane || !item || inHand >= limits.calls) return undefined;
      // A body that does not fit yet is not overtaken by smaller ones: it would never have its turn.
      if (inHand > 0 && bytesInHand + item.bytes > limits.bytes) return undefined;
      tenant.ready.shift();
      turns.shift();
      if (tenant.ready.length > 0) turns.push(tenant);
      lane.state = 'running';
      inHand++;
      bytesInHand += item.bytes;
      return item;
    },
    finish: (item) => {
      const lane = putDown(item);
      const { tenant } = lane;
      known.delete(item.id);
      lane.items.shift();
      tenant.known--;
      if (lane.items.length > 0) makeReady(lane, 'last');
      else lanes.delete(lane.name);
      if (tenant.known === 0) tenants.delete(tenant.name);
    },
    hold: (item) => {
      const lane = putDown(item);
      lane.state = 'held';
      lane.tenant.blocked += lane.items.length;
    },
    release: (item) => {
      const lane = laneOf(item);
      if (lane.state !== 'held') throw new TypeError('the record is not held');
      lane.tenant.blocked -= lane.items.length;
      makeReady(lane, 'first');
    },
    leave: (item) => {
      const lane = putDown(item);
      lane.state = 'stopped';
      lane.tenant.blocked += lane.items.length;
      stopped++;
    },
    idle: () => lanes.size === stopped,
    countOf: (name) => {
      const tenant = tenants.get(name);
      return { known: tenant?.known ?? 0, blocked: tenant?.blocked ?? 0 };
    },
  };
}

function laneName({ id, key }: LaneItem): string {
  return key === undefined ? `#${id}` : `/${key}`;
}

function isBlocked({ state }: Lane<LaneItem>): boolean {
  return state === 'held' || state === 'stopped';
}

function upsert<Value>(map: Map<string, Value>, name: string, make: (name: string) => Value): Value {
  const there = map.get(name);
  if (there !== undefined) return there;
  const made = make(name);
  map.set(name, made);
  return made;
}
