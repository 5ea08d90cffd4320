import { copyFileSync, mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, onTestFinished } from 'vitest';
import { noDecoder } from '../../src/adapters/decoder/none.ts';
import { openSqliteEvents } from '../../src/adapters/events/sqlite.ts';
import { openSqliteInbox } from '../../src/adapters/inbox/sqlite.ts';
import { topicNames } from '../../src/adapters/inbox/topics.ts';
import { type KeyfileKeys, keyfileKeys } from '../../src/adapters/keys/keyfile.ts';
import { filesObjects } from '../../src/adapters/objects/files.ts';
import { migrate, SQLITE_TYPES } from '../../src/adapters/registry/migrate.ts';
import type { SqlRow } from '../../src/adapters/registry/sql.ts';
import { sqlRegistry } from '../../src/adapters/registry/sql-registry.ts';
import { filesSources } from '../../src/adapters/sources/files.ts';
import { openSqlite } from '../../src/adapters/sqlite/connection.ts';
import type { AnswerRow } from '../../src/domain/answers.ts';
import type { AuditFact } from '../../src/domain/audit-event.ts';
import { type CallEvent, LIMITS } from '../../src/domain/call-event.ts';
import type { Delivery } from '../../src/domain/deliveries.ts';
import type { Receipt } from '../../src/domain/receipts.ts';
import type { Policy, Tenant } from '../../src/domain/tenants.ts';
import type { Events } from '../../src/ports/events.ts';
import type { Handler, Inbox, Verdict } from '../../src/ports/inbox.ts';
import type { Keys } from '../../src/ports/keys.ts';
import type { Objects } from '../../src/ports/objects.ts';
import type { Registry } from '../../src/ports/registry.ts';
import type { Sources } from '../../src/ports/sources.ts';
import { type Auditor, auditor } from '../../src/work/auditor.ts';
import { bugBreaker } from '../../src/work/bug-breaker.ts';
import { type DeadLetters, deadLetters } from '../../src/work/dead-letters.ts';
import { deliveryHandler, type HandlerParts } from '../../src/work/handle-delivery.ts';
import { type Intake, intake } from '../../src/work/intake.ts';
import { partPool } from '../../src/work/part-pool.ts';
import { bareDelivery, TOPIC, TRANSCRIPT } from './given.ts';
import { SIGNAL } from './seen.ts';

/**
 * The pipeline in one process on the embedded adapters: a real SQLite file, key file and folders under a fresh
 * folder. A test wraps the one port whose failure it is about; everything else is what the product runs on.
 */
export interface World {
  readonly folder: string;
  /** What the product writes; the source files lie elsewhere. */
  readonly data: string;
  readonly clock: { ms: number };
  readonly keys: Keys;
  /** Another holder of the same key file, for `rotate`. */
  readonly keyfile: KeyfileKeys;
  readonly objects: Objects;
  readonly sources: Sources;
  readonly registry: Registry;
  readonly inbox: Inbox;
  readonly events: Events;
  readonly auditor: Auditor;
  readonly letters: DeadLetters;
  readonly intake: Intake;
  readonly parts: HandlerParts;
  readonly handler: Handler;
  readonly failures: unknown[];
  readonly answers: AnswerRow[];
  /** Writes a source file whose time is past, as an edge did a while ago. */
  put(key: string, bytes: Buffer | string): void;
  removeSource(key: string): void;
  /** A new record of the event in the inbox topic, as the handler is given it; nothing stands in the inbox. */
  delivery(event: CallEvent | Buffer, more?: Partial<Delivery>): Delivery;
  handle(delivery: Delivery, signal?: AbortSignal): Promise<Verdict>;
  /** What other processes see: committed rows. */
  rows(sql: string, values?: readonly (string | number)[]): Promise<readonly SqlRow[]>;
  facts(action?: AuditFact['action']): Promise<AuditFact[]>;
  objectNames(): Promise<string[]>;
  receipt(tenant?: string, call?: string): Promise<Receipt>;
}

type Wrap<Port> = (real: Port) => Port;

export interface WorldOptions {
  readonly keys?: Wrap<Keys>;
  readonly objects?: Wrap<Objects>;
  readonly sources?: Wrap<Sources>;
  readonly registry?: Wrap<Registry>;
  readonly policy?: Partial<Policy>;
  readonly parts?: Partial<HandlerParts>;
}

const TENANTS = ['t-1', 't-2'];
const TOPICS = topicNames('callseal', [TOPIC]);
const DEAD_LETTER_KEK = 'system:dead-letter';

export const POLICY: Policy = {
  consent: { unknown: 'seal', onWithdrawal: 'keep' },
  transcriptEvents: ['transcript'],
  digests: [],
  plainDigest: true,
  numericIds: 'warn',
};

/** An empty database and a key file, made once: every world begins with a copy. */
let copied: Promise<{ readonly database: string; readonly keys: string }> | undefined;
let templateFolder: string | undefined;
afterAll(() => {
  if (templateFolder !== undefined) rmSync(templateFolder, { recursive: true, force: true });
});

async function template(): Promise<{ readonly database: string; readonly keys: string }> {
  copied ??= makeTemplate();
  return await copied;
}

async function makeTemplate(): Promise<{ readonly database: string; readonly keys: string }> {
  const folder = mkdtempSync(join(tmpdir(), 'callseal-template-'));
  templateFolder = folder;
  const paths = { database: join(folder, 'callseal.db'), keys: join(folder, 'kek.json') };
  const database = openSqlite(paths.database);
  await migrate(database, SQLITE_TYPES);
  await openSqliteEvents({ database, topics: TOPICS });
  await database.close();
  const keys = keyfileKeys({ path: paths.keys });
  for (const kek of [DEAD_LETTER_KEK, ...TENANTS.flatMap(keksOf)]) await keys.ensure(kek, SIGNAL);
  return paths;
}

export async function openWorld(options: WorldOptions = {}): Promise<World> {
  const folder = mkdtempSync(join(tmpdir(), 'callseal-work-'));
  const data = join(folder, 'data');
  const sourceRoot = join(folder, 'sources');
  for (const each of [data, sourceRoot]) mkdirSync(each);
  const clock = { ms: Date.parse('2026-11-24T10:00:00.000Z') };
  const now = (): Date => new Date(clock.ms);

  const made = await template();
  const path = join(data, 'callseal.db');
  const keyPath = join(folder, 'kek.json');
  copyFileSync(made.database, path);
  copyFileSync(made.keys, keyPath);
  const database = openSqlite(path, { now: () => clock.ms });
  const truth = openSqlite(path, { now: () => clock.ms });
  const wrap = <Port>(real: Port, wrapper: Wrap<Port> | undefined): Port => wrapper?.(real) ?? real;
  const registry = wrap(sqlRegistry(database), options.registry);
  const keyfile = keyfileKeys({ path: keyPath });
  const keys = wrap<Keys>(keyfileKeys({ path: keyPath }), options.keys);
  const objects = wrap(filesObjects({ root: join(data, 'objects') }), options.objects);
  const aliases = Object.fromEntries(TENANTS.map((tenant) => [tenant, { edge: { root: sourceRoot } }]));
  const sources = wrap(filesSources({ aliases }), options.sources);
  const events = await openSqliteEvents({ database, topics: TOPICS });
  const limits = { calls: 16, bytes: 2 ** 25 };
  const inbox = await openSqliteInbox({ database, folder: data, topics: TOPICS, limits });

  const written = auditor({
    writer: { instance: 'w-1', version: '1.2.3' },
    actor: { kind: 'worker', id: 'worker' },
    now,
  });
  const letters = deadLetters({
    keys,
    registry,
    auditor: written,
    kek: DEAD_LETTER_KEK,
    worker: 'w-1',
    version: '1.2.3',
    now,
  });
  const gate = intake({ now, firstProbeMs: 1_000, maxProbeMs: 30_000 });
  const failures: unknown[] = [];
  const answers: AnswerRow[] = [];
  const parts: HandlerParts = {
    registry,
    keys,
    objects,
    sources,
    decoder: noDecoder(),
    auditor: written,
    letters,
    tenants: { find: async (id) => (TENANTS.includes(id) ? tenantOf(id, options.policy) : undefined) },
    intake: gate,
    breaker: bugBreaker({ inARow: 20, ratio: 0.5, over: 100, probeAfterMs: 300_000 }, gate),
    openAttempts: new Set(),
    pool: partPool(64 * 1024 * 1024),
    partBytes: 1024 * 1024,
    parseMs: 60_000,
    limits: LIMITS,
    retry: { inPlace: 2, giveUpAfterMs: 24 * 3_600_000 },
    retryDelayMs: 600_000,
    now,
    onAnswer: (row) => void answers.push(row),
    onFailure: (error) => void failures.push(error),
    ...options.parts,
  };
  const handler = deliveryHandler(parts);
  onTestFinished(async () => {
    gate.close();
    await truth.close();
    await database.close();
    rmSync(folder, { recursive: true, force: true });
  });

  let offset = 0;
  const world: World = {
    folder,
    data,
    clock,
    keys,
    keyfile,
    objects,
    sources,
    registry,
    inbox,
    events,
    auditor: written,
    letters,
    intake: gate,
    parts,
    handler,
    failures,
    answers,
    put: (key, bytes) => putSource(join(sourceRoot, key), bytes),
    removeSource: (key) => rmSync(join(sourceRoot, key)),
    delivery: (event, more = {}) => {
      const place = { topic: TOPIC, partition: 0, offset: offset++ };
      return { ...bareDelivery(event), origin: place, arrival: place, place, ...more };
    },
    handle: async (delivery, signal = SIGNAL) => await handler(delivery, signal),
    rows: async (sql, values) => await truth.query(sql, values ?? []),
    facts: async (action) => {
      const rows = await truth.query('select fact from audit_events order by row_number');
      const facts = rows.map((row) => JSON.parse(String(row['fact'])) as AuditFact);
      return action === undefined ? facts : facts.filter((fact) => fact.action === action);
    },
    objectNames: async () => {
      const names: string[] = [];
      for await (const { name } of filesObjects({ root: join(data, 'objects') }).list('', SIGNAL)) {
        names.push(name);
      }
      return names;
    },
    receipt: async (tenant = 't-1', call = 'c-1') => {
      const found = await registry.currentReceipt(tenant, call, SIGNAL);
      if (!found) throw new Error('the call has no receipt');
      return found;
    },
  };
  return world;
}

function keksOf(tenant: string): string[] {
  return [`${tenant}:phi`, `${tenant}:voiceprint`];
}

function tenantOf(id: string, policy: Partial<Policy> = {}): Tenant {
  return {
    id,
    policy: { ...POLICY, ...policy },
    topic: TOPIC,
    aliases: ['edge'],
    keks: { phi: `${id}:phi`, voiceprint: `${id}:voiceprint` },
  };
}

function putSource(path: string, bytes: Buffer | string): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, bytes);
  const before = new Date(Date.now() - 60_000);
  utimesSync(path, before, before);
}

/** A world whose source holds the transcript that `callEvent` points to. */
export async function worldWithTranscript(options: WorldOptions = {}): Promise<World> {
  const world = await openWorld(options);
  world.put('c-1.json', TRANSCRIPT);
  return world;
}
