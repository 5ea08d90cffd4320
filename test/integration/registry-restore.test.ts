import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { filesObjects } from '../../src/adapters/objects/files.ts';
import { openPostgres } from '../../src/adapters/postgres/connection.ts';
import { ALL_TENANTS } from '../../src/adapters/registry/sql.ts';
import { sqlRegistry } from '../../src/adapters/registry/sql-registry.ts';
import { newUid } from '../../src/domain/ids.ts';
import type { Outcome } from '../../src/domain/outcome-event.ts';
import type { PublishedRecord } from '../../src/ports/events.ts';
import type { Registry } from '../../src/ports/registry.ts';
import { copyTombstones } from '../../src/work/tombstone-objects.ts';
import { readSecret, servicesEnv, whatIsMissing } from '../services/env.ts';
import { asSuperuser, migrationFact, postgresOptions } from '../services/postgres-schema.ts';
import { type KafkaWorld, kafkaWorld, type Worker } from './kafka-world.ts';
import { openRunbook, type Runbook } from './runbook.ts';

/** It stood still once on a quiet machine with two workers alive, and nobody knows why yet. */
const missing =
  process.env['CALLSEAL_LONG'] === '1'
    ? await whatIsMissing('kafka', 'postgres')
    : '(skipped: make proof STEPS=restore runs it)';
const never = new AbortController().signal;
const names = (what: string, count: number) => Array.from({ length: count }, (_, i) => `${what}-${i}`);

/** In the backup; sealed while it was made; sealed after it; on their way when it was put back. */
const BEFORE = names('before', 6);
const DURING = names('during', 12);
const SINCE = names('since', 18);
const LAST = names('last', 12);
const SHREDDED = 'before-0';
const ALL = [...BEFORE, ...DURING, ...SINCE, ...LAST];

/** One story, in order: each test goes on where the one before it ended. */
describe.skipIf(missing)(`a registry that is put back under load ${missing ?? ''}`, () => {
  let world: KafkaWorld;
  let runbook: Runbook;
  let config: string;
  let workers: Worker[];
  /** Of the life that was lost. */
  let lost: { readonly answers: ReadonlySet<string>; readonly auditSeq: number };

  beforeAll(async () => {
    world = await kafkaWorld(3);
    config = world.config();
    const { postgres, tls } = servicesEnv();
    const { user, passwordFile } = postgres.users.superuser;
    runbook = openRunbook('docs/runbooks/postgres-failover-and-restore.md', world.folder, {
      PGHOST: postgres.host,
      PGPORT: String(postgres.port),
      PGUSER: user,
      PGPASSWORD: readSecret(passwordFile),
      PGSSLMODE: 'verify-full',
      PGSSLROOTCERT: tls.ca,
    });
  });
  afterAll(async () => {
    for (const { process } of workers ?? []) process.kill('SIGKILL');
    await asSuperuser(`drop database if exists ${world.database}_lost with (force)`);
    await world.remove();
  });

  const database = () => ({ 'db=callseal': `db=${world.database}` });
  const worker = () => ({ 'worker.yaml': config });
  const publish = async (calls: readonly string[]) =>
    await Promise.all(calls.map(async (call) => await world.publish(call)));
  const outcomeOf = ({ value }: PublishedRecord): Outcome => JSON.parse(value.toString()) as Outcome;

  async function withRegistry<T>(use: (registry: Registry) => Promise<T>): Promise<T> {
    const options = { ...postgresOptions('operator', 'public'), database: world.database };
    const registry = sqlRegistry(await openPostgres(options));
    try {
      return await use(registry);
    } finally {
      await registry.close();
    }
  }
  async function rows(statement: string): Promise<string[]> {
    const opened = await openPostgres({ ...postgresOptions('worker', 'public'), database: world.database });
    const found = await opened.query(statement, [], ALL_TENANTS);
    await opened.close();
    return found.map((row) => Object.values(row).join(' '));
  }
  /** Outcomes as a reader sees them, once each of these calls has one of this epoch or a later one. */
  async function untilAnswered(calls: readonly string[], epoch = 0): Promise<Outcome[]> {
    const events = await world.events('reader');
    const wanted = new Set(calls);
    const seen: Outcome[] = [];
    for await (const record of events.read('outcome', { follow: true }, never)) {
      const outcome = outcomeOf(record);
      seen.push(outcome);
      if (outcome.registryEpoch >= epoch) wanted.delete(outcome.call);
      if (wanted.size === 0) break;
    }
    return seen;
  }
  async function allOutcomes(): Promise<Outcome[]> {
    const events = await world.events('reader');
    return (await Array.fromAsync(events.read('outcome', { follow: false }, never))).map(outcomeOf);
  }

  test('what is backed up while workers work, and put back later, ends every worker with a sentence', async () => {
    workers = [world.startWorker(), world.startWorker()];
    await publish(BEFORE);
    await untilAnswered(BEFORE);
    const during = publish(DURING);
    expect(await runbook.run('backup', database())).toMatchObject({ code: 0, err: '' });
    await during;
    await publish(SINCE);
    await untilAnswered([...DURING, ...SINCE]);
    await withRegistry(async (registry) => {
      const audit = { uid: newUid(), fact: migrationFact(), at: new Date().toISOString() };
      await registry.shred({ tenant: 't-1', call: SHREDDED }, audit, never);
      await copyTombstones(
        { registry, objects: filesObjects({ root: `${world.folder}/data/objects` }) },
        never,
      );
      const { auditSeq } = await registry.state(never);
      const answers = await registry.answers({ limit: 1000 }, never);
      lost = { auditSeq, answers: new Set(answers.map(({ uid }) => uid)) };
    });
    expect(await runbook.run('restore', database())).toMatchObject({ code: 0, err: '' });
    await publish(LAST);
    expect(await runbook.run('swap', database())).toMatchObject({ code: 0, err: '' });
    for (const one of workers) {
      expect({ code: await one.ended, said: one.said() }).toMatchObject({ code: 7 });
      expect(one.said()).toContain('REGISTRY_WENT_BACK');
      expect(one.said()).toContain('the registry was restored');
    }
  });

  test('nothing is decided, shredded or swept from then on, and no worker starts', async () => {
    const before = await rows('select count(*) from answers');
    expect(await world.startWorker().ended).toBe(7);
    await withRegistry(async (registry) => {
      const audit = { uid: newUid(), fact: migrationFact(), at: new Date().toISOString() };
      const refused = { code: 'REGISTRY_WENT_BACK' };
      await expect(registry.shred({ tenant: 't-1', call: SHREDDED }, audit, never)).rejects.toMatchObject(
        refused,
      );
      await expect(registry.sweepable(-1, 1, never)).rejects.toMatchObject(refused);
      await expect(registry.leaseRelay('r', 1, never)).rejects.toMatchObject(refused);
    });
    expect(await rows('select count(*) from answers')).toEqual(before);
    expect(await rows(`select state from attempts where state = 'open'`)).toEqual([]);
    expect(await rows('select went_back from meta')).toEqual(['1']);
    expect(await rows(`select call from call_keys where call = '${SHREDDED}'`)).toEqual([]);
  });

  test('status says so, and what to type next', async () => {
    expect(await runbook.run('look', worker())).toMatchObject({
      code: 7,
      out: expect.stringMatching(/^the registry went back \(epoch \d+ now\) and its restore is not accepted/),
      err: 'callseal: hint: callseal registry accept-restore --ticket TICKET, then start the workers\n',
    });
  });

  test('is not accepted while the group has members: they are named', async () => {
    const clients = await world.clients('worker');
    const consumer = clients.consumer({ groupId: world.group });
    onTestFinished(async () => await consumer.disconnect());
    const joined = Promise.withResolvers<string>();
    consumer.on(consumer.events.GROUP_JOIN, ({ payload }) => joined.resolve(payload.memberId));
    await consumer.connect();
    await consumer.subscribe({ topics: [...world.topics.inbox] });
    await consumer.run({ autoCommit: false, eachBatch: async () => undefined });
    const member = await joined.promise;
    const refused = await runbook.run('accept', worker());
    expect(refused).toMatchObject({ code: 7, out: '' });
    expect(refused.err).toContain(`somebody still takes deliveries: ${member} at `);
    expect((await runbook.run('look', worker())).err).toContain(`end 1 worker: ${member} at `);
  });

  test('kill -9 in the midst of accepting it, and once more: each lost answer is handed over once', async () => {
    const killed = await runbook.run('accept', worker(), { CALLSEAL_CRASH_AT: 'after-settle:2' });
    expect(killed.code).toBe('SIGKILL');
    expect(await rows('select went_back from meta')).toEqual(['1']);
    const accepted = await runbook.run('accept', worker());
    expect(accepted).toMatchObject({ code: 0, err: 'callseal: hint: start the workers\n' });
    expect(accepted.out).toMatch(
      /^accepted {2}epoch \d{10}\nshreds {4}1 done again\naudit {5}\d+ events taken back/,
    );
    expect(await rows('select went_back from meta')).toEqual(['0']);
    const known = new Set(
      await rows(`select origin_topic || '/' || origin_partition || '/' || origin_offset from answers`),
    );
    const handedOver = await retried();
    expect(handedOver.length).toBeGreaterThanOrEqual(SINCE.length);
    expect(new Set(handedOver).size).toBe(handedOver.length);
    expect(handedOver.filter((origin) => known.has(origin))).toEqual([]);
  });

  test('accepting it again has nothing to do, and status says so', async () => {
    const before = await retried();
    const again = await runbook.run('accept', worker());
    expect(again).toMatchObject({ code: 0, out: expect.stringContaining('nothing to do'), err: '' });
    expect(await retried()).toEqual(before);
    expect(await runbook.run('look', worker())).toMatchObject({ code: 0, err: '' });
  });

  test('the audit chain goes on behind what everybody saw, whole in the registry and on the topic', async () => {
    const [head] = await rows('select head_seq from relay');
    expect(Number(head)).toBeGreaterThan(lost.auditSeq - 1);
    const { code, out } = await runbook.run('verify', worker());
    expect(out).toMatch(/audit events, 1 to \d+: whole/);
    // Of what was sealed before the backup every call opens, the one that was shredded apart.
    expect([0, 9]).toContain(code);
  });

  test('workers start, and every call is answered and opens: the newest outcome of each says where', async () => {
    const epoch = Number((await rows('select epoch from meta'))[0]);
    workers = [world.startWorker(), world.startWorker()];
    const forgotten = [...SINCE, ...LAST];
    await untilAnswered(forgotten, epoch);
    for (const one of workers) {
      one.process.kill('SIGTERM');
      expect({ code: await one.ended, said: one.said() }).toMatchObject({ code: 0 });
    }
    const outcomes = await allOutcomes();
    expect([...new Set(outcomes.map(({ call }) => call))].toSorted()).toEqual(ALL.toSorted());
    const ofThisLife = outcomes.filter(({ registryEpoch }) => registryEpoch === epoch);
    expect(new Set(ofThisLife.map(({ call }) => call)).size).toBe(ofThisLife.length);
    for (const [call, all] of Map.groupBy(outcomes, (outcome) => outcome.call)) {
      const newest = all.toSorted((a, b) => b.registryEpoch - a.registryEpoch || b.sequence - a.sequence)[0]!;
      await withRegistry(async (registry) => {
        const receipt = await registry.currentReceipt('t-1', call, never);
        expect(receipt?.artifacts.map(({ object }) => object)).toEqual(
          newest.artifacts.map(({ object }) => object),
        );
        expect(newest.current).toEqual({ revision: receipt?.revision, generation: receipt?.generation });
      });
    }
    const verified = await runbook.run('verify', worker());
    expect(verified.out.match(/^ok /gm)).toHaveLength(ALL.length - 1);
    expect(await rows(`select call from call_keys where call = '${SHREDDED}'`)).toEqual([]);
    const backlog = await (await world.inbox('worker')).backlog(never);
    expect(backlog.waiting).toBe(0);
  });

  /** Origins in the retry topic, in the order of their records. */
  async function retried(): Promise<string[]> {
    const clients = await world.clients('worker');
    const { partitionReader } = await import('../../src/adapters/kafka/partition-reader.ts');
    const reader = await partitionReader(clients.cluster());
    const origins: string[] = [];
    for (const [partition, { low, high }] of await reader.endsOf(world.topics.retry)) {
      for (let at = low; at < high; ) {
        const { records, next } = await reader.fetch(world.topics.retry, new Map([[partition, at]]), 100);
        origins.push(...records.map(({ headers }) => headers['callseal-origin'] ?? ''));
        at = next.get(partition) ?? high;
      }
    }
    await reader.close();
    return origins;
  }
});
