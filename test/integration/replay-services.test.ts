import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { Queue } from 'bullmq';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import { bullmqJobs } from '../../src/adapters/jobs/bullmq.ts';
import { keyfileKeys } from '../../src/adapters/keys/keyfile.ts';
import { openPostgres } from '../../src/adapters/postgres/connection.ts';
import { failingFast, redisOptions } from '../../src/adapters/redis/connection.ts';
import { sqlRegistry } from '../../src/adapters/registry/sql-registry.ts';
import { LIMITS } from '../../src/domain/call-event.ts';
import { deliveredDigest } from '../../src/domain/deliveries.ts';
import type { Inbox } from '../../src/ports/inbox.ts';
import type { Registry } from '../../src/ports/registry.ts';
import { auditor } from '../../src/work/auditor.ts';
import { type DeadLetters, deadLetters } from '../../src/work/dead-letters.ts';
import { type DriveParts, driveCampaigns, REPLAY_JOBS } from '../../src/work/replay/drive-campaigns.ts';
import { type MadePlan, planReplay } from '../../src/work/replay/plan-replay.ts';
import { PARK, proposal, sealing } from '../contract/registry-proposals.ts';
import { whatIsMissing } from '../services/env.ts';
import { postgresOptions } from '../services/postgres-schema.ts';
import { redisOf } from '../services/redis-options.ts';
import { bareDelivery, callEvent } from '../work/given.ts';
import { POLICY } from '../work/world.ts';
import { type KafkaWorld, kafkaWorld } from './kafka-world.ts';

const missing = await whatIsMissing('kafka', 'postgres', 'redis');
const never = new AbortController().signal;
const CALLS = 30;

describe.skipIf(missing)(`campaigns on Kafka, PostgreSQL and Redis ${missing ?? ''}`, () => {
  let world: KafkaWorld;
  let registry: Registry;
  let inbox: Inbox;
  let parts: Omit<DriveParts, 'jobs'>;
  const prefix = `callseal:${randomUUID()}`;

  beforeAll(async () => {
    world = await kafkaWorld(2);
    registry = sqlRegistry(
      await openPostgres({ ...postgresOptions('worker', 'public'), database: world.database }),
    );
    const keys = keyfileKeys({ path: join(world.folder, 'kek.json') });
    for (const kek of ['system:dead-letter', 't-1:phi']) await keys.ensure(kek, never);
    const now = (): Date => new Date();
    const actor = { kind: 'worker', id: 'test' } as const;
    const written = auditor({ writer: { instance: 'i', version: '0' }, actor, now });
    inbox = await world.inbox('worker');
    parts = {
      registry,
      keys,
      auditor: written,
      events: await world.events('worker'),
      inbox,
      now,
      observer: {},
    };
    const named = { kek: 'system:dead-letter', worker: 'i', version: '0' };
    const letters = deadLetters({ keys, registry, auditor: written, now, ...named });
    const events = await world.events('worker');
    for (let i = 0; i < CALLS; i++) await events.publish([await letterOf(i, letters)], never);
  });
  afterAll(async () => {
    await registry.close();
    await world.remove();
  });

  /** A parked answer and its letter, as the worker would leave them. */
  async function letterOf(i: number, letters: DeadLetters) {
    const place = { topic: world.topics.inbox[0] ?? '', partition: 0, offset: i };
    const event = callEvent({ call: `c-${i}` });
    const delivery = { ...bareDelivery(event), origin: place, arrival: place, place };
    const digest = deliveredDigest(delivery.value);
    const decided = await registry.decide(
      proposal(sealing({ origin: place, call: `c-${i}`, digest }), PARK),
      never,
    );
    if (decided.kind !== 'answered') throw new Error('not parked');
    return await letters.seal(decided.row, delivery, never);
  }
  async function plan(): Promise<MadePlan> {
    const tenant = {
      id: 't-1',
      policy: POLICY,
      topic: world.topics.inbox[0] ?? '',
      aliases: ['edge'],
      keks: { phi: 't-1:phi', voiceprint: 't-1:phi' },
    };
    const { keys, events, auditor: written, now } = parts;
    const found = {
      registry,
      events,
      auditor: written,
      now,
      keys: {
        unwrap: keys.unwrap,
        describe: async (kek: string) => ({ kek, materialId: 'm', state: 'enabled' as const }),
      },
      sources: { stat: async () => ({ bytes: 1, version: 'v' }) },
      tenants: { find: async () => tenant },
      limits: LIMITS,
    };
    const request = { filter: {}, most: 1_000, patch: undefined, anyway: false, quarantined: false };
    return await planReplay(found, request, never);
  }
  async function apply({ uid }: MadePlan): Promise<void> {
    const fact = parts.auditor.fact('campaign.apply', { subject: { kind: 'campaign', uid } });
    const limits = { perSecond: 200, bytesPerSecond: undefined, canary: 0, stopAt: 1 };
    await registry.applyPlan(uid, limits, { at: fact.time, ticket: 'T-1', fact }, never);
  }
  const replayed = async (): Promise<number> => (await inbox.backlog(never)).waiting;
  /** As another worker on the same queue. */
  async function drive(): Promise<void> {
    const jobs = await bullmqJobs({ ...redisOf(), prefix });
    const stop = new AbortController();
    const driving = driveCampaigns({ ...parts, jobs }, stop.signal);
    onTestFinished(async () => {
      stop.abort();
      await jobs.close();
      await driving;
    });
  }
  async function stranger(): Promise<Queue> {
    const client = failingFast(await redisOptions(redisOf()));
    await client.connect();
    const queue = new Queue(REPLAY_JOBS, { connection: client, prefix });
    onTestFinished(async () => {
      await queue.close();
      client.disconnect();
    });
    return queue;
  }

  test("a stranger's jobs start nothing; an applied plan is replayed whole, by two workers, once", async () => {
    const [made, overlapping] = [await plan(), await plan()];
    expect(made.records.map(({ finding }) => finding)).toEqual(
      Array.from({ length: CALLS }, () => undefined),
    );
    const queue = await stranger();
    await queue.add(REPLAY_JOBS, { campaign: made.uid, chunk: 0 });
    await queue.add(REPLAY_JOBS, { campaign: 'nowhere', chunk: 0 });
    await queue.add(REPLAY_JOBS, { campaign: 7, chunk: 'x' });
    await drive();
    await drive();
    const waiting = async () => await queue.getJobCountByTypes('completed', 'failed', 'active', 'wait');
    await expect.poll(waiting, { timeout: 30_000, interval: 100 }).toBe(0);
    expect(await registry.campaign(made.uid, never)).toMatchObject({ state: 'planned' });
    expect(await replayed()).toBe(0);

    await apply(made);
    await apply(overlapping);
    const states = async () =>
      await Promise.all(
        [made, overlapping].map(async ({ uid }) => (await registry.campaign(uid, never))?.state),
      );
    await expect.poll(states, { timeout: 60_000, interval: 200 }).toEqual(['finished', 'finished']);
    const tallies = await Promise.all(
      [made, overlapping].map(async ({ uid }) => await registry.tally(uid, never)),
    );
    expect(tallies.reduce((sum, { published }) => sum + published, 0)).toBe(CALLS);
    expect(await replayed()).toBe(CALLS);
  });
});
