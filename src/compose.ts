import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import type { ConnectionOptions } from './adapters/aws/connection.ts';
import type { KeyfileState } from './adapters/keys/keyfile.ts';
import type { SqlDatabase } from './adapters/registry/sql.ts';
import type { BucketOptions } from './adapters/s3/bucket.ts';
import type { S3Alias } from './adapters/sources/s3.ts';
import { openDecoder } from './compose/decoder.ts';
import { workerCampaigns } from './compose/replay.ts';
import type { LoadedSettings } from './config/load-settings.ts';
import type { Settings } from './config/schema.ts';
import { inboxTopics, isNamedTenant, tenantSettings, topicPrefix } from './config/tenant-settings.ts';
import type { Actor } from './domain/audit-event.ts';
import { CallsealError } from './domain/errors.ts';
import { ONE_CALL_ALIAS } from './domain/tenants.ts';
import { type Closable, closeAll } from './ops/closing.ts';
import { prepareDataFolder } from './ops/data-folder.ts';
import { meteredHandler, meteredPorts, meteredSchedules } from './ops/metrics-ports.ts';
import type { Jobs } from './ports/jobs.ts';
import type { Keys } from './ports/keys.ts';
import type { Metrics } from './ports/metrics.ts';
import type { Objects } from './ports/objects.ts';
import type { Ports } from './ports/ports.ts';
import type { Registry } from './ports/registry.ts';
import type { Sources } from './ports/sources.ts';
import type { Principals, TopicAdmin } from './ports/topic-admin.ts';
import { selfTest } from './seal/self-test.ts';
import { type Auditor, auditor } from './work/auditor.ts';
import { bugBreaker } from './work/bug-breaker.ts';
import { deadLetters } from './work/dead-letters.ts';
import type { Desk } from './work/desk.ts';
import { deliveryHandler } from './work/handle-delivery.ts';
import { intake } from './work/intake.ts';
import { PAUSES_EVERY_MS, withOperatorPauses } from './work/intake-pauses.ts';
import type { Observer } from './work/observer.ts';
import { partPool } from './work/part-pool.ts';
import { type RestoreWatch, refuseRestored, restoreWatch } from './work/registry-restored.ts';
import { relayAudit, relayLastWords } from './work/relay-audit.ts';
import { runWorker } from './work/run-worker.ts';
import { scheduledWork } from './work/scheduled-work.ts';
import { runSchedules, SCHEDULE_TIMES } from './work/schedules.ts';
import { tenantDirectory } from './work/tenant-directory.ts';

/** Who runs this process, and for what. */
export interface ProcessFacts {
  readonly version: string;
  readonly actor: Actor;
  readonly ticket: string | undefined;
  /** Told when the key file was made: it needs a backup elsewhere. */
  readonly onKeyFileCreated: (path: string) => void;
  /** Told in a sentence of what needs a person and ends nothing: a partition that stands still. */
  readonly onTrouble?: (sentence: string) => void;
  /** Told what the worker does; absent where nobody can ask for it. */
  readonly metrics?: Metrics;
}

type Who = Pick<ProcessFacts, 'version' | 'actor' | 'ticket'>;

export interface Composed {
  readonly ports: Ports;
  readonly desk: Desk;
  /** Makes what the settings say is made at the start, then works until idle or until the signal. */
  runWorker(options: { readonly untilIdle: boolean }, observer: Observer, signal: AbortSignal): Promise<void>;
  /** @throws AggregateError */
  close(): Promise<void>;
}

export const CLOSE_WITHIN_MS = 15_000;
const PROBE_MS = { first: 1_000, most: 30_000 };
export const RELAY = { leaseMs: 10_000, batch: 500, restMs: 500 };
const DEAD_LETTER_KEK = 'system:dead-letter';

/**
 * The composition root: settings to opened ports to a worker. The only file that names adapters and work together.
 *
 * @throws CallsealError BAD_CONFIG, KEY_FILE_UNUSABLE, REGISTRY_DAMAGED, REGISTRY_DOWN, …
 */
export async function open({ settings }: LoadedSettings, facts: ProcessFacts): Promise<Composed> {
  selfTest();
  const opened: Closable[] = [];
  const close = async (): Promise<void> => await closeAll(opened, CLOSE_WITHIN_MS);
  try {
    const { metrics } = facts;
    // Until a worker has something to compare a new connection with.
    let look = async (_connection: Registry): Promise<void> => undefined;
    const unmetered = await openPorts(settings, facts, opened, async (connection) => await look(connection));
    const ports = metrics ? meteredPorts(unmetered, metrics) : unmetered;
    const desk = openDesk(settings, facts, ports);
    return {
      ports,
      desk,
      runWorker: async (options, observer, signal) => {
        await refuseUnlistableSources(settings, signal);
        const { events, objects, registry } = ports;
        const beside = { events, objects, auditor: desk.auditor };
        const watch = restoreWatch();
        look = async (connection) => await watch.look({ ...beside, registry: connection }, signal);
        await refuseRestored({ ...beside, registry }, signal);
        await ports.jobs.check(signal);
        await makeAtStart(settings, ports, desk, signal);
        const until = AbortSignal.any([signal, watch.signal]);
        await watch.during(
          async () => await work(settings, facts, ports, desk, { ...options, observer, watch }, until),
        );
      },
      close,
    };
  } catch (error) {
    await close().catch(() => undefined);
    throw error;
  }
}

function keep<T extends { close(): Promise<void> }>(opened: Closable[], name: string, part: T): T {
  opened.push({ name, close: async () => await part.close() });
  return part;
}

async function openPorts(
  settings: Settings,
  facts: ProcessFacts,
  opened: Closable[],
  onConnect: (connection: Registry) => Promise<void>,
): Promise<Ports> {
  await prepareDataFolder(settings.data);
  const { openSqlite } = await import('./adapters/sqlite/connection.ts');
  const database = openSqlite(join(settings.data, 'callseal.db'));
  opened.push({ name: 'database', close: async () => await database.close() });
  const registry = keep(opened, 'registry', await openRegistry(settings, database, onConnect));
  const keys = keep(opened, 'keys', await openKeys(settings, facts, registry));
  const objects = keep(opened, 'objects', await openObjects(settings));
  const sources = keep(opened, 'sources', await openSources(settings, registry));
  const { inbox, events } = await openTopics(settings, facts, database, opened);
  const jobs = keep(opened, 'jobs', await openJobs(settings, facts));
  const decoder = keep(opened, 'decoder', await openDecoder(settings));
  return { inbox, events, sources, objects, keys, registry, jobs, decoder };
}

/** Bytes of event bodies in hand at once; events have at most 256 KiB. */
const INBOX_BYTES = 32 * 1024 * 1024;

/** Inbox and events stand on the same topics, and so are of one kind: the settings check says so. */
async function openTopics(
  settings: Settings,
  facts: ProcessFacts,
  database: SqlDatabase,
  opened: Closable[],
): Promise<Pick<Ports, 'inbox' | 'events'>> {
  const { topicNames } = await import('./adapters/inbox/topics.ts');
  const topics = topicNames(topicPrefix(settings), inboxTopics(settings));
  const limits = { calls: settings.budgets.calls, bytes: INBOX_BYTES };
  if (settings.inbox.kind === 'sqlite') {
    const { openSqliteInbox } = await import('./adapters/inbox/sqlite.ts');
    const { openSqliteEvents } = await import('./adapters/events/sqlite.ts');
    const events = keep(opened, 'events', await openSqliteEvents({ database, topics }));
    const folder = settings.data;
    const inbox = keep(opened, 'inbox', await openSqliteInbox({ database, folder, topics, limits }));
    return { inbox, events };
  }
  const { openKafkaInbox } = await import('./adapters/inbox/kafka.ts');
  const { openKafkaEvents } = await import('./adapters/events/kafka.ts');
  const { clients, brokers, prefix, group } = await openKafka(settings, opened);
  const { offsets, bodies } = settings.inbox.window;
  const events = keep(opened, 'events', openKafkaEvents({ clients, topics, prefix }));
  const inbox = keep(
    opened,
    'inbox',
    openKafkaInbox({
      clients,
      brokers,
      topics,
      group,
      prefix,
      limits,
      window: { offsets, bytes: bodies },
      heldDelayMs: settings.retry.delay,
      ...(facts.onTrouble && { onTrouble: facts.onTrouble }),
    }),
  );
  return { inbox, events };
}

/** Whoever is in `opened` closes them. @throws CallsealError BAD_CONFIG - there is no cluster in the settings */
export async function openKafka({ kafka }: Settings, opened: Closable[]) {
  if (kafka === undefined) {
    throw new CallsealError('BAD_CONFIG', 'there is no kafka block in the settings', {
      hint: 'config/production.yaml has one',
    });
  }
  const { kafkaClients } = await import('./adapters/kafka/client.ts');
  const { brokers, tls, prefix, group } = kafka;
  const clients = await kafkaClients({ brokers, clientId: 'callseal', ...(tls && { tls }) });
  opened.push({ name: 'kafka', close: async () => clients.stop() });
  return { clients, brokers, prefix, group };
}

/**
 * The cluster's topics and rights, for the commands that look after them.
 *
 * @throws CallsealError BAD_CONFIG - there is no cluster in the settings
 */
export async function openTopicDesk(
  { settings }: LoadedSettings,
  principals: Principals,
): Promise<TopicAdmin> {
  const opened: Closable[] = [];
  const { clients, prefix, group } = await openKafka(settings, opened);
  const { topicAdmin } = await import('./adapters/kafka/topic-admin.ts');
  const { topicNames } = await import('./adapters/inbox/topics.ts');
  const topics = topicNames(prefix, inboxTopics(settings));
  const admin = await topicAdmin({ clients, topics, prefix, group, principals });
  const close = async (): Promise<void> => {
    await admin.close();
    await closeAll(opened, CLOSE_WITHIN_MS);
  };
  return { ...admin, close };
}

/** The embedded registry shares the process's one connection with inbox and events: a second one would wait for it. */
async function openRegistry(
  { registry }: Settings,
  embedded: SqlDatabase,
  onConnect: (connection: Registry) => Promise<void>,
): Promise<Registry> {
  if (registry.kind === 'postgres') {
    const { postgresRegistry } = await import('./adapters/registry/postgres.ts');
    return await postgresRegistry({ ...registry, onConnect });
  }
  const { migrate, SQLITE_TYPES } = await import('./adapters/registry/migrate.ts');
  const { sqlRegistry } = await import('./adapters/registry/sql-registry.ts');
  await migrate(embedded, SQLITE_TYPES);
  return sqlRegistry(embedded);
}

/**
 * The registry's database for the commands that look after it, as the user of `login` where it names one.
 *
 * @throws CallsealError BAD_CONFIG - the registry is no database server; see also `postgresAdmin`
 */
export async function openRegistryDesk(
  { settings: { registry } }: LoadedSettings,
  facts: Who,
  login: { readonly user?: string; readonly passwordFile?: string },
) {
  if (registry.kind !== 'postgres') {
    throw new CallsealError(
      'BAD_CONFIG',
      'registry.kind is not postgres: nothing is to be migrated or checked',
      {
        hint: 'the embedded registry makes its tables itself',
      },
    );
  }
  const { postgresAdmin } = await import('./adapters/registry/postgres-admin.ts');
  // Somebody else's password is not this user's.
  const as = login.user === undefined ? registry : { ...registry, passwordFile: undefined };
  const admin = await postgresAdmin({ ...as, ...login });
  return { admin, auditor: auditorOf(facts, randomBytes(8).toString('hex')) };
}

async function openKeys(settings: Settings, facts: ProcessFacts, registry: Registry): Promise<Keys> {
  const { keys } = settings;
  if (keys.kind === 'aws-kms') {
    const { awsKmsKeys } = await import('./adapters/keys/aws-kms.ts');
    const { region, fips, requestsPerSecond } = keys;
    const tenants = Object.keys(settings.tenants);
    const tenantOf = (kek: string): string | undefined =>
      tenants.find((tenant) => Object.values(tenantSettings(settings, tenant)?.keks ?? {}).includes(kek));
    return awsKmsKeys({ region, fips, requestsPerSecond, tenantOf, ...connectionOf(keys) });
  }
  const path = keys.file;
  const { keyfileKeys, keyfileState } = await import('./adapters/keys/keyfile.ts');
  requireKeysOf(path, await keyfileState(path), await registry.keyMaterials(new AbortController().signal));
  return keyfileKeys({ path, onCreated: () => facts.onKeyFileCreated(path) });
}

/** Before anything is made: an older backup would otherwise get a fresh KEK under the name of the one it lacks. */
function requireKeysOf(path: string, found: KeyfileState, needed: readonly string[]): void {
  const held = found.state === 'missing' ? [] : found.materialIds;
  const lacking = needed.filter((material) => !held.includes(material));
  if (lacking.length === 0) return;
  const says =
    found.state === 'missing'
      ? `${path} is missing, and there are calls sealed under its keys`
      : `${path} lacks ${lacking.length} of the keys that calls were sealed under`;
  throw new CallsealError('KEY_FILE_UNUSABLE', says, {
    hint: 'put the key file back from its newest backup, or say --keys with the path where it is',
  });
}

async function openObjects({ objects }: Settings): Promise<Objects> {
  if (objects.kind === 's3') {
    const { s3Objects } = await import('./adapters/objects/s3.ts');
    const { sse } = objects;
    return s3Objects({ ...bucketOf(objects), sse });
  }
  const { filesObjects } = await import('./adapters/objects/files.ts');
  return filesObjects({ root: objects.root });
}

async function openSources({ tenants }: Settings, registry: Registry): Promise<Sources> {
  const files: Record<string, Record<string, { root: string }>> = {};
  const buckets: Record<string, Record<string, S3Alias>> = {};
  for (const [tenant, { sources }] of Object.entries(tenants)) {
    for (const [alias, source] of Object.entries(sources)) {
      if (source.kind === 'files') (files[tenant] ??= {})[alias] = { root: source.root };
      else (buckets[tenant] ??= {})[alias] = { ...bucketOf(source), prefix: source.prefix };
    }
  }
  const { filesSources } = await import('./adapters/sources/files.ts');
  const { oneCallSources } = await import('./adapters/sources/one-call.ts');
  const { sourcesByAlias } = await import('./adapters/sources/by-alias.ts');
  const inFiles = filesSources({ aliases: files });
  const oneCall = oneCallSources({ ledger: registry });
  const inBuckets =
    Object.keys(buckets).length === 0
      ? undefined
      : (await import('./adapters/sources/s3.ts')).s3Sources({ aliases: buckets });
  const of = (tenant: string, alias: string): Sources | undefined => {
    if (alias === ONE_CALL_ALIAS) return oneCall;
    if (files[tenant]?.[alias]) return inFiles;
    return buckets[tenant]?.[alias] ? inBuckets : undefined;
  };
  return sourcesByAlias({ of, all: [inFiles, oneCall, ...(inBuckets ? [inBuckets] : [])] });
}

/** Every alias in a bucket, by `tenant/alias`. */
export function bucketAliases({ tenants }: Settings): Record<string, S3Alias> {
  const aliases: Record<string, S3Alias> = {};
  for (const [tenant, { sources }] of Object.entries(tenants)) {
    for (const [alias, source] of Object.entries(sources)) {
      if (source.kind === 's3') {
        aliases[`${tenant}/${alias}`] = { ...bucketOf(source), prefix: source.prefix };
      }
    }
  }
  return aliases;
}

/** @throws CallsealError BAD_CONFIG - an alias answers 403 for what is not there */
async function refuseUnlistableSources(settings: Settings, signal: AbortSignal): Promise<void> {
  const aliases = bucketAliases(settings);
  if (Object.keys(aliases).length === 0) return;
  const { refuseUnlistable } = await import('./adapters/sources/probe-s3.ts');
  await refuseUnlistable(aliases, signal);
}

type BucketSettings = Extract<Settings['objects'], { kind: 's3' }> | Extract<SourceSettings, { kind: 's3' }>;
type SourceSettings = Settings['tenants'][string]['sources'][string];

export function bucketOf(settings: BucketSettings): BucketOptions {
  const { bucket, region, expectedOwner, pathStyle } = settings;
  return { bucket, region, expectedOwner, pathStyle, ...connectionOf(settings) };
}

/** Settings say `undefined` where options have no such field. */
export function connectionOf(settings: {
  readonly endpoint?: string | undefined;
  readonly credentialsFile?: string | undefined;
  readonly ca: string | null;
  readonly minVersion: 'TLSv1.3' | 'TLSv1.2';
}): Omit<ConnectionOptions, 'region'> {
  const { endpoint, credentialsFile, ca, minVersion } = settings;
  return {
    ca,
    minVersion,
    ...(endpoint !== undefined && { endpoint }),
    ...(credentialsFile !== undefined && { credentialsFile }),
  };
}

async function openJobs({ jobs }: Settings, { onTrouble }: ProcessFacts): Promise<Jobs> {
  if (jobs.kind === 'inline') {
    const { inlineJobs } = await import('./adapters/jobs/inline.ts');
    return inlineJobs();
  }
  const { bullmqJobs } = await import('./adapters/jobs/bullmq.ts');
  return await bullmqJobs({
    ...jobs,
    onTrouble: ({ message }, times) => onTrouble?.(`jobs: ${message}${times > 1 ? `, ${times} times` : ''}`),
  });
}

function openDesk(settings: Settings, facts: ProcessFacts, { keys, registry }: Ports): Desk {
  const now = (): Date => new Date();
  const instance = randomBytes(8).toString('hex');
  const { version } = facts;
  const written = auditorOf(facts, instance);
  const letters = deadLetters({
    keys,
    registry,
    auditor: written,
    kek: settings.keys.kind === 'aws-kms' ? settings.keys.deadLetter : DEAD_LETTER_KEK,
    worker: instance,
    version,
    now,
  });
  const tenants = tenantDirectory({
    registry,
    keys,
    auditor: written,
    settingsOf: (tenant) => tenantSettings(settings, tenant),
    isNamed: (tenant) => isNamedTenant(settings, tenant),
    creates: settings.keys.kind === 'keyfile',
  });
  const openScratch = async () => (await import('./adapters/sqlite/scratch.ts')).openScratch();
  return { auditor: written, letters, tenants, openScratch };
}

function auditorOf({ version, actor, ticket }: Who, instance: string): Auditor {
  return auditor({ writer: { instance, version }, actor, ticket, now: () => new Date() });
}

async function makeAtStart(
  settings: Settings,
  { keys }: Ports,
  desk: Desk,
  signal: AbortSignal,
): Promise<void> {
  if (settings.keys.kind !== 'keyfile') return;
  await keys.ensure(DEAD_LETTER_KEK, signal);
  for (const [tenant, { create }] of Object.entries(settings.tenants)) {
    if (create === 'at-start' && tenant !== '*') await desk.tenants.create(tenant, signal);
  }
}

async function work(
  settings: Settings,
  { version, metrics }: Pick<ProcessFacts, 'version' | 'metrics'>,
  ports: Ports,
  { auditor: written, letters, tenants, openScratch }: Desk,
  {
    untilIdle,
    observer,
    watch,
  }: { readonly untilIdle: boolean; readonly observer: Observer; readonly watch: RestoreWatch },
  signal: AbortSignal,
): Promise<void> {
  const now = (): Date => new Date();
  const gate = intake({
    now,
    firstProbeMs: PROBE_MS.first,
    maxProbeMs: PROBE_MS.most,
    onChange: (change, scope) => observer.intake?.(change, scope),
  });
  const openAttempts = new Set<string>();
  const { limits, retry, breaker, budgets } = settings;
  const pool = partPool(budgets.memory);
  const handler = deliveryHandler({
    ...ports,
    auditor: written,
    tenants,
    letters,
    intake: gate,
    breaker: bugBreaker({ ...breaker, probeAfterMs: breaker.probeAfter }, gate),
    openAttempts,
    pool,
    partBytes: settings.objects.kind === 'files' ? FILE_PART : S3_PART,
    parseMs: limits.parseSeconds * 1000,
    limits,
    retry: { inPlace: retry.inPlace, giveUpAfterMs: retry.giveUpAfter },
    retryDelayMs: retry.delay,
    untilIdle,
    now,
    onAnswer: (row, delivery) => {
      metrics?.answered(row);
      observer.answered?.(row, delivery);
    },
    onFailure: (error, delivery) => {
      watch.told(error);
      observer.failed?.(error, delivery);
    },
  });
  metrics?.working({ inflightBytes: () => pool.bytesOut, paused: () => gate.paused() });
  const relayOptions = { ...RELAY, holder: `${version}/${randomBytes(8).toString('hex')}` };
  const relayPorts = { audit: ports.registry, events: ports.events };
  const relayTold = { ...relayOptions, onFailure: (error: CallsealError) => observer.relayFailed?.(error) };
  const relay = {
    run: async (until: AbortSignal) => await relayAudit(relayPorts, relayTold, until),
    finish: async (until: AbortSignal) => {
      await relayLastWords(relayPorts, relayTold, until);
      // Without it the others would wait until the lease has run out: no failure either.
      await ports.registry
        .releaseRelay(relayOptions.holder, AbortSignal.timeout(RELAY.leaseMs))
        .catch(() => undefined);
    },
  };
  const schedules = {
    jobs: ports.jobs,
    work: scheduledWork({ ...ports, auditor: written, limits, openScratch, now, metrics }),
    times: SCHEDULE_TIMES,
    observer: metrics ? meteredSchedules(observer, metrics) : observer,
  };
  const campaigns = workerCampaigns(ports, written, observer);
  const parts = {
    inbox: campaigns.inbox,
    registry: ports.registry,
    handler: metrics ? meteredHandler(handler, metrics) : handler,
    auditor: written,
    openAttempts,
    relay,
    drainMs: budgets.drain,
    schedules: async (until: AbortSignal) => {
      await Promise.all([runSchedules(schedules, until), campaigns.drive(until)]);
    },
  };
  const pauses = { registry: ports.registry, intake: gate, everyMs: PAUSES_EVERY_MS };
  try {
    await withOperatorPauses(pauses, async () => await runWorker(parts, { untilIdle }, signal), signal);
  } finally {
    gate.close();
  }
}

const FILE_PART = 1024 * 1024;
const S3_PART = 8 * 1024 * 1024;
