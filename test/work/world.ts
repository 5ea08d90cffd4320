import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, expect, onTestFinished } from 'vitest';
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
import { type Delivery, recordKey } from '../../src/domain/deliveries.ts';
import type { Outcome } from '../../src/domain/outcome-event.ts';
import type { Output } from '../../src/domain/outputs.ts';
import type { Receipt } from '../../src/domain/receipts.ts';
import type { Policy, Tenant } from '../../src/domain/tenants.ts';
import type { Events } from '../../src/ports/events.ts';
import type { Handler, Inbox, InboxRecord, Verdict } from '../../src/ports/inbox.ts';
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

export const SIGNAL = new AbortController().signal;
export const TOPIC = 'callseal.calls.completed';
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
    auditor: written,
    letters,
    tenants: { find: async (id) => (TENANTS.includes(id) ? tenantOf(id, options.policy) : undefined) },
    intake: gate,
    breaker: bugBreaker({ inARow: 20, ratio: 0.5, over: 100, probeAfterMs: 300_000 }, gate),
    openAttempts: new Set(),
    pool: partPool(64 * 1024 * 1024),
    partBytes: 1024 * 1024,
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

const HEADERS = {
  ce_specversion: '1.0',
  ce_id: 'e-1',
  ce_source: 'edge',
  ce_type: 'callseal.call.completed.v1',
  'content-type': 'application/json',
} as const;

function bareDelivery(event: CallEvent | Buffer) {
  return {
    replay: 0,
    key: Buffer.isBuffer(event) ? 't-1/c-1' : recordKey(event.tenant, event.call),
    headers: HEADERS,
    value: Buffer.isBuffer(event) ? event : Buffer.from(JSON.stringify(event)),
    counted: 0,
    firstFailedAt: undefined,
  };
}

/** The event as a record that `Inbox.publish` takes. */
export function recordOf(event: CallEvent | Buffer): InboxRecord {
  const { key, headers, value } = bareDelivery(event);
  return { topic: TOPIC, key, headers, value };
}

/** One transcript at `c-1.json`, unless told otherwise. */
export function callEvent(given: Partial<CallEvent> = {}): CallEvent {
  return {
    tenant: 't-1',
    call: 'c-1',
    revision: 1,
    consent: { recording: 'granted' },
    artifacts: [artifact('transcript', 'transcript', 'c-1.json')],
    ...given,
  };
}

type Artifact = CallEvent['artifacts'][number];

export function artifact(id: string, kind: string, key: string, more: Partial<Artifact> = {}): Artifact {
  return { id, kind, source: { alias: 'edge', key }, ...more };
}

/** A world whose source holds the transcript that `callEvent` points to. */
export async function worldWithTranscript(options: WorldOptions = {}): Promise<World> {
  const world = await openWorld(options);
  world.put('c-1.json', TRANSCRIPT);
  return world;
}

export const TRANSCRIPT = '{"turns":[{"who":"caller","text":"hello"}]}';

export function settled(verdict: Verdict): readonly Output[] {
  if (verdict.do !== 'settle') throw new Error(`the verdict is ${verdict.do}`);
  return verdict.outputs;
}

export function outcomeIn(outputs: readonly Output[]): Outcome {
  const output = outputs.find(({ topic }) => topic === 'outcome');
  return JSON.parse(String(output?.value)) as Outcome;
}

/** Each fact's action and status, with its code where it has one. */
export function brief(facts: readonly AuditFact[]): string[] {
  return facts.map(({ action, outcome: { status, code } }) =>
    [action, status, code].filter(Boolean).join(' '),
  );
}

/** Every intent has exactly one end, and no end is without its intent. */
export function expectIntentsClosed(facts: readonly AuditFact[]): void {
  const intents = facts.filter(({ outcome }) => outcome.status === 'intent').map((fact) => fact.eventUid);
  const ends = facts.flatMap(({ intentUid }) => (intentUid === undefined ? [] : [intentUid]));
  expect(ends.toSorted()).toEqual(intents.toSorted());
}

/**
 * The port with one method that rejects with `error` the first `times` times; `after` the act where its reply is what
 * is lost.
 */
export function failing<Port extends object>(
  real: Port,
  name: keyof Port & string,
  error: () => unknown,
  { times = 1, when = 'before' }: { times?: number; when?: 'before' | 'after' } = {},
): Port {
  const act = real[name] as (...args: readonly unknown[]) => Promise<unknown>;
  let left = times;
  const fails = async (...args: readonly unknown[]): Promise<unknown> => {
    if (left-- <= 0) return await act(...args);
    if (when === 'after') await act(...args);
    throw error();
  };
  return { ...real, [name]: fails };
}

/** What was published, topic by topic. */
export async function collectOutputs(
  { events }: Pick<World, 'events'>,
  topics: readonly Output['topic'][],
): Promise<Output[]> {
  const outputs: Output[] = [];
  for (const topic of topics) {
    for await (const record of events.read(topic, { follow: false }, SIGNAL)) outputs.push(record);
  }
  return outputs;
}

/** Every file under `folder` with its bytes. */
export function filesUnder(folder: string): { readonly path: string; readonly bytes: Buffer }[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .map((path) => ({ path, bytes: readFileSync(path) }));
}

export async function collect(chunks: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const all: Uint8Array[] = [];
  for await (const chunk of chunks) all.push(chunk);
  return Buffer.concat(all);
}
