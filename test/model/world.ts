import { migrate, SQLITE_TYPES } from '../../src/adapters/registry/migrate.ts';
import type { Sql, SqlDatabase, SqlRow, SqlValue } from '../../src/adapters/registry/sql.ts';
import { sqlRegistry } from '../../src/adapters/registry/sql-registry.ts';
import { openSqlite } from '../../src/adapters/sqlite/connection.ts';
import type { AnswerRow } from '../../src/domain/answers.ts';
import type { ArtifactKind } from '../../src/domain/artifacts.ts';
import type { Action, AuditFact } from '../../src/domain/audit-event.ts';
import { RULES, type Rule } from '../../src/domain/decide.ts';
import type { Place } from '../../src/domain/deliveries.ts';
import { CallsealError } from '../../src/domain/errors.ts';
import type { Output } from '../../src/domain/outputs.ts';
import type { Registry, Tombstone } from '../../src/ports/registry.ts';
import type { Random } from './random.ts';

export interface ModelArtifact {
  readonly id: string;
  readonly kind: ArtifactKind;
  /** What stands at the source; the same in two revisions means that the artifact may be carried over. */
  readonly version: number;
}

export interface ModelEvent {
  readonly tenant: string;
  readonly call: string;
  readonly revision: number;
  readonly recording: 'granted' | 'denied';
  readonly artifacts: readonly ModelArtifact[];
  /** `fails`: the artifact is at fault for ever. `flickers`: its source is missing now and then. */
  readonly fate: 'seals' | 'fails' | 'flickers';
  readonly digest: string;
}

export interface ModelRecord {
  readonly origin: Place;
  readonly replay: number;
  readonly arrival: Place;
  readonly event: ModelEvent;
  done: boolean;
  /** Who holds it now. A zombie no longer does, and its settle is fenced. */
  owner: Worker | undefined;
}

export interface Worker {
  /** A handle of its own, as every process has. */
  readonly registry: Registry;
  /** Attempts that it keeps alive. */
  readonly attempts: Set<string>;
  /** Declared dead at that time, but still going. */
  zombieSince: number | undefined;
}

/** Something that goes on step by step, and may stop between any two. */
export interface Process {
  readonly name: string;
  readonly steps: AsyncGenerator<void, void>;
  /** Of a worker's process. An operator's command or the sweep has none and is never killed. */
  readonly delivery: { readonly worker: Worker; readonly record: ModelRecord } | undefined;
}

/** What happens to the next transaction: a reply can be lost before, after, or long before the commit. */
export type CommitFate = 'ok' | 'refused' | 'lost-undone' | 'lost-done' | 'lost-late';

/** What a worker could do wrong; each is proved to matter in `mutations.test.ts`. */
export interface Habits {
  readonly publishesForAnyArrival: boolean;
  /** After a lost reply to COMMIT: objects go before a fresh read shows another winner. */
  readonly deletesUnread: boolean;
  readonly usesKeyBeforeIntent: boolean;
  readonly acceptsRestoreWithoutTombstones: boolean;
  readonly handsOverWithOldArrival: boolean;
  /** Goes on after a restore as if nothing had been. */
  readonly outlivesRestores: boolean;
}

export const GOOD_HABITS: Habits = {
  publishesForAnyArrival: false,
  deletesUnread: false,
  usesKeyBeforeIntent: false,
  acceptsRestoreWithoutTombstones: false,
  handsOverWithOldArrival: false,
  outlivesRestores: false,
};

export interface Mutation {
  readonly rules?: readonly Rule[];
  /** Changes statements before they are run. */
  readonly sql?: readonly { readonly from: string; readonly to: string }[];
  readonly habits?: Partial<Habits>;
  /** Moves of the scheduler that come more often, where what they bring about is rare. */
  readonly often?: Readonly<Record<string, number>>;
}

export class Violation extends Error {
  override readonly name = 'Violation';
}

export interface World {
  readonly random: Random;
  readonly habits: Habits;
  readonly rules: readonly Rule[];
  /** The operator's handle. */
  readonly registry: Registry;
  openRegistry(): Registry;
  /** The database without any fault, for the invariants. */
  readonly truth: Sql;
  readonly clock: { now: number };
  /** Tables that were written to since the invariants were last looked at. */
  readonly touched: Set<string>;
  /** How often the registry was asked, and how often that was a transaction. */
  readonly asked: { times: number; transactions: number };
  /** Of the next transaction; every step begins with `ok`. */
  fate: CommitFate;
  /** Transactions whose reply is lost and that the database has yet to commit. */
  inFlight: (() => Promise<void>)[];
  readonly objects: Map<string, string>;
  readonly keyUses: { readonly attempt: string; readonly intents: readonly string[] }[];
  inbox: ModelRecord[];
  processes: Process[];
  readonly published: { readonly row: AnswerRow; readonly outputs: readonly Output[] }[];
  /** Objects that a receipt named in any life of the registry: outcomes that were published name them for ever. */
  readonly named: Map<string, { readonly call: string; readonly keyClass: string }>;
  /** Everything that was ever shredded, as the object store remembers it. */
  readonly tombstones: Tombstone[];
  readonly log: string[];
  snapshot: Snapshot | undefined;
  uid(prefix?: string): string;
  fact(action: Action, fields?: Partial<AuditFact>): AuditFact;
  putBack(snapshot: Snapshot): Promise<void>;
}

export const NEVER = new AbortController().signal;
export const MINUTE = 60_000;
export const HOUR = 60 * MINUTE;
export const DAY = 24 * HOUR;
/** The grace of the sweep; a zombie is gone long before. */
export const GRACE = 7 * DAY;

/** A database that one history after the other runs on, with a clock that the model turns. */
export interface Stage {
  readonly database: SqlDatabase;
  readonly clock: { now: number };
  /** The tables as the migration left them. */
  readonly empty: Snapshot;
}

export async function openStage(path = ':memory:'): Promise<Stage> {
  const clock = { now: 0 };
  const database = openSqlite(path, { now: () => clock.now });
  await migrate(database, SQLITE_TYPES);
  return { database, clock, empty: await takeSnapshot(database) };
}

export async function openWorld(stage: Stage, random: Random, mutation: Mutation = {}): Promise<World> {
  const { database, clock } = stage;
  clock.now = Date.UTC(2026, 0, 1);
  await loadSnapshot(database, stage.empty);
  let counter = 0;
  const run = async (sql: Sql, given: string, values: readonly SqlValue[] = []) => {
    const text = mutated(given, mutation);
    const written = WRITES.exec(text)?.[1];
    if (written !== undefined) world.touched.add(written);
    return await sql.query(text, values);
  };
  const faulty: SqlDatabase = {
    ...database,
    query: async (text, values) => {
      world.asked.times++;
      return await run(database, text, values);
    },
    transaction: async (tenant, work) =>
      await meetingFate(
        world,
        async () =>
          await database.transaction(
            tenant,
            async (sql) => await work({ query: async (text, values) => await run(sql, text, values) }),
          ),
      ),
  };
  const openRegistry = (): Registry => sqlRegistry(faulty, { rules: mutation.rules ?? RULES });
  const world: World = {
    random,
    clock,
    habits: { ...GOOD_HABITS, ...mutation.habits },
    rules: mutation.rules ?? RULES,
    registry: openRegistry(),
    openRegistry,
    truth: database,
    touched: new Set(TABLES),
    asked: { times: 0, transactions: 0 },
    fate: 'ok',
    inFlight: [],
    objects: new Map(),
    keyUses: [],
    inbox: [],
    processes: [],
    published: [],
    named: new Map(),
    tombstones: [],
    log: [],
    snapshot: undefined,
    uid: (prefix = '00000000') => `${prefix}-0000-4000-8000-${String(++counter).padStart(12, '0')}`,
    fact: (action, fields = {}) => ({
      eventUid: world.uid(),
      writer: { instance: 'model', version: '0' },
      time: new Date(clock.now).toISOString(),
      actor: { kind: 'worker', id: 'model' },
      action,
      outcome: { status: 'ok' },
      ...fields,
    }),
    putBack: async (snapshot) => {
      await loadSnapshot(database, snapshot);
      for (const table of TABLES) world.touched.add(table);
    },
  };
  return world;
}

async function meetingFate<T>(world: World, commit: () => Promise<T>): Promise<T> {
  const { fate } = world;
  world.fate = 'ok';
  world.asked.times++;
  world.asked.transactions++;
  switch (fate) {
    case 'ok':
      return await commit();
    case 'refused':
      throw new CallsealError('REGISTRY_DOWN', 'the registry is away');
    case 'lost-done':
      await commit();
      break;
    case 'lost-late':
      world.inFlight.push(async () => void (await commit()));
      break;
    case 'lost-undone':
      break;
  }
  throw new CallsealError('COMMIT_UNKNOWN', 'the reply to COMMIT was lost');
}

function mutated(text: string, { sql = [] }: Mutation): string {
  return sql.reduce((changed, { from, to }) => changed.replaceAll(from, to), text);
}

/** Every table as it stood: what a backup of the registry is. */
export type Snapshot = readonly { readonly table: string; readonly rows: readonly SqlRow[] }[];

const WRITES = /^\s*(?:insert into|update|delete from) (\w+)/;

const TABLES = [
  'meta',
  'calls',
  'attempts',
  'open_intents',
  'receipts',
  'call_keys',
  'answers',
  'tombstones',
  'audit_events',
  'relay',
];

export async function takeSnapshot(sql: Sql): Promise<Snapshot> {
  const snapshot = [];
  for (const table of TABLES) snapshot.push({ table, rows: await sql.query(`select * from ${table}`) });
  return snapshot;
}

async function loadSnapshot(database: SqlDatabase, snapshot: Snapshot): Promise<void> {
  await database.transaction(undefined, async (sql) => {
    for (const { table, rows } of snapshot) {
      await sql.query(`delete from ${table}`);
      for (const row of rows) {
        const columns = Object.keys(row);
        const marks = columns.map((_, i) => `$${i + 1}`).join(', ');
        await sql.query(`insert into ${table} (${columns.join(', ')}) values (${marks})`, Object.values(row));
      }
    }
  });
}
