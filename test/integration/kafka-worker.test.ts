import { AssignerProtocol, type MemberDescription } from 'kafkajs';
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest';
import type { OutputTopic } from '../../src/domain/outputs.ts';
import type { PublishedRecord } from '../../src/ports/events.ts';
import { whatIsMissing } from '../services/env.ts';
import { type KafkaWorld, kafkaWorld, type Worker } from './kafka-world.ts';

const missing = await whatIsMissing('kafka', 'postgres');
const never = new AbortController().signal;
const PARTITIONS = 4;

function partitionsOf({ memberAssignment }: MemberDescription): number {
  const assignment = AssignerProtocol.MemberAssignment.decode(memberAssignment)?.assignment ?? {};
  return Object.values(assignment).flat().length;
}

describe.skipIf(missing)(`the worker on Kafka and PostgreSQL ${missing ?? ''}`, () => {
  let world: KafkaWorld;
  beforeAll(async () => {
    world = await kafkaWorld(PARTITIONS);
  });
  afterAll(async () => await world.remove());

  function start(env: Record<string, string> = {}): Worker {
    const worker = world.startWorker(env);
    onTestFinished(() => void worker.process.kill('SIGKILL'));
    return worker;
  }
  async function stopped(worker: Worker): Promise<void> {
    worker.process.kill('SIGTERM');
    expect({ code: await worker.ended, said: worker.said() }).toMatchObject({ code: 0 });
  }
  /** Records of these calls that a reader sees, once `enough` of them are there. */
  async function untilRead(topic: OutputTopic, calls: readonly string[], enough = calls.length) {
    const events = await world.events('reader');
    const keys = new Set(calls.map((call) => `t-1/${call}`));
    const seen: PublishedRecord[] = [];
    for await (const record of events.read(topic, { follow: true }, never)) {
      if (keys.has(record.key) && seen.push(record) >= enough) break;
    }
    return seen;
  }
  /** What stands in the topic of these calls, read once to its end. */
  async function read(topic: OutputTopic, calls: readonly string[]): Promise<PublishedRecord[]> {
    const events = await world.events('reader');
    const keys = new Set(calls.map((call) => `t-1/${call}`));
    const all = await Array.fromAsync(events.read(topic, { follow: false }, never));
    return all.filter(({ key }) => keys.has(key));
  }
  /** The group has these many members, and each has its share of the partitions. */
  async function untilShared(members: number): Promise<void> {
    const admin = (await world.clients('admin')).admin();
    await admin.connect();
    const shares = async (): Promise<number[]> => {
      const [group] = (await admin.describeGroups([world.group])).groups;
      return group?.state === 'Stable' ? group.members.map(partitionsOf) : [];
    };
    await expect
      .poll(shares, { timeout: 60_000, interval: 200 })
      .toEqual(Array.from({ length: members }, () => (3 * PARTITIONS) / members));
    await admin.disconnect();
  }
  const names = (what: string, count: number) => Array.from({ length: count }, (_, i) => `${what}-${i}`);
  const publish = async (calls: readonly string[]) =>
    await Promise.all(calls.map(async (call) => await world.publish(call)));
  const answersOf = (records: readonly PublishedRecord[]) =>
    records.map(({ value }): { call: string; answer: string } => JSON.parse(value.toString()));

  test('seals what an edge publishes; a reader finds outcome and transcript, in the same settle', async () => {
    const worker = start();
    await world.publish('first');
    const [outcome] = await untilRead('outcome', ['first']);
    expect(answersOf([outcome!])).toMatchObject([{ call: 'first', answer: 'sealed' }]);
    const [transcript] = await read('transcripts', ['first']);
    expect(transcript).toMatchObject({ headers: { 'content-type': 'application/vnd.callseal.sealed' } });
    await stopped(worker);
  });

  test('says of its audit events who, what and where, on a topic that a reader may not read', async () => {
    const audit = await (await world.events('worker')).last('audit', never);
    expect(JSON.parse(audit!.value.toString())).toMatchObject({ action: 'worker.stop' });
    const reader = await world.events('reader');
    await expect(reader.last('audit', never)).rejects.toMatchObject({
      code: 'INBOX_DOWN',
      message: expect.stringContaining('TOPIC_AUTHORIZATION_FAILED'),
    });
  });

  test('two of them share the partitions, and every call has one outcome', async () => {
    const workers = [start(), start()];
    await untilShared(workers.length);
    const calls = names('shared', 40);
    await publish(calls);
    await untilRead('outcome', calls);
    for (const worker of workers) await stopped(worker);
    const outcomes = answersOf(await read('outcome', calls));
    expect(outcomes.map(({ call }) => call).toSorted()).toEqual(calls.toSorted());
    expect(new Set(outcomes.map(({ answer }) => answer))).toEqual(new Set(['sealed']));
  });

  const LONG = process.env['CALLSEAL_LONG'] === '1';
  /** It stood still once in CI's order of tests; what is thought to be the cause is mended, and not seen for long yet. */
  test.skipIf(!LONG)(
    'kill -9 of one, anywhere: the other finishes, one answer and one outcome for every call',
    async () => {
      const before = await world.answers();
      const workers = [start({ CALLSEAL_CRASH_RANDOM: '0.01:7' }), start()];
      // Before it has partitions it does nothing that it could die of, and the other one would soon be done.
      await untilShared(workers.length);
      const calls = names('killed', 60);
      await publish(calls);
      expect(await workers[0]!.ended).toBe('SIGKILL');
      await untilRead('outcome', calls);
      await stopped(workers[1]!);
      const outcomes = answersOf(await read('outcome', calls));
      expect(outcomes.map(({ call }) => call).toSorted()).toEqual(calls.toSorted());
      expect(await world.answers()).toBe(before + calls.length);
      expect(await (await world.inbox('worker')).backlog(never)).toEqual({
        waiting: 0,
        due: 0,
        oldestAt: undefined,
      });
    },
  );
});
