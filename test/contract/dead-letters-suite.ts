import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { deliveryHandler } from '../../src/work/handle-delivery.ts';
import { letterOpener } from '../../src/work/replay/open-letter.ts';
import { callEvent, recordOf } from '../work/given.ts';
import { openWorld as openPipeline } from '../work/world.ts';
import { type Opened, openWorld, WORLDS, type World } from './inbox-worlds.ts';

const never = new AbortController().signal;
const TRACE = '00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01';

/** The pipeline's dead letters through a real inbox: one settle with the done-mark, headers as docs/dead-letters.md. */
export function deadLettersContract(kind: string): void {
  describe(`dead letters through an inbox of kind ${kind}`, () => {
    let world: World;
    let opened: Opened;
    beforeEach(async () => {
      world = await WORLDS[kind]!.make();
      opened = await openWorld(kind, world.location);
    });
    afterEach(async () => {
      globalThis.callsealCrashHook = undefined;
      await opened.close();
      await world.dispose();
    });

    /** An edge that talks nonsense, and one of a tenant that nobody knows. */
    const publishBoth = async () => {
      const topic = world.topics.inbox[0]!;
      const unknown = recordOf(callEvent({ tenant: 't-9' }));
      const headers = { ...unknown.headers, ce_id: 'e-7', traceparent: TRACE, note: 'Ada Example' };
      const bad = { topic, key: 'Ada Example', headers: {}, value: Buffer.from('{"name":"Ada Example"') };
      await opened.inbox.publish(bad, never);
      await opened.inbox.publish({ ...unknown, topic, headers }, never);
    };
    const letters = async () => await Array.fromAsync(opened.events.read('dlq', { follow: false }, never));

    test('an event that cannot be read and one of an unknown tenant become dead letters, sealed whole', async () => {
      const pipeline = await openPipeline();
      await publishBoth();
      await opened.inbox.run(deliveryHandler(pipeline.parts), { untilIdle: true }, never);
      const found = await letters();
      const [unreadable, unknown] = ['EVENT_NOT_JSON', 'TENANT_UNKNOWN'].map((code) =>
        found.find(({ headers }) => headers['callseal-code'] === code),
      );
      expect(found).toHaveLength(2);
      expect(unknown?.headers).toEqual({
        traceparent: TRACE,
        'callseal-event-id': 'e-7',
        'callseal-origin-timestamp': expect.stringMatching(/^\d{4}-.*Z$/),
        'callseal-dlq-id': unknown?.id,
        'callseal-key-name': expect.stringMatching(/^[0-9a-f-]{36}$/),
        'callseal-origin': `${world.topics.inbox[0]}/0/1`,
        'callseal-replay': '0',
        'callseal-stage': 'authorise',
        'callseal-code': 'TENANT_UNKNOWN',
        'callseal-disposition': 'park',
        'callseal-fingerprint': expect.stringMatching(/^[0-9a-f]{64}$/),
        'callseal-attempts': '1',
        'callseal-first-failed-at': expect.any(String),
        'callseal-failed-at': expect.any(String),
        'callseal-worker-version': '1.2.3',
        '__connect.errors.topic': world.topics.inbox[0],
        '__connect.errors.partition': '0',
        '__connect.errors.offset': '1',
        '__connect.errors.exception.message': 'TENANT_UNKNOWN',
      });
      for (const { key, id, headers, value } of found) {
        expect(key).toBe(id);
        expect(JSON.stringify(headers) + value.toString('latin1')).not.toContain('Ada');
      }
      const { registry, keys, auditor } = pipeline;
      const letter = await letterOpener({ registry, keys, auditor }).open(unreadable!, never);
      expect(letter).toMatchObject({ key: 'Ada Example', value: Buffer.from('{"name":"Ada Example"') });
    });

    test('the letter and the done-mark are there together, also where the settle fails in the middle', async () => {
      const pipeline = await openPipeline();
      await publishBoth();
      let failures = 0;
      globalThis.callsealCrashHook = (point) => {
        if (point === 'in-settle' && failures++ === 0) throw new Error('made by the test');
      };
      const run = async () =>
        await opened.inbox.run(deliveryHandler(pipeline.parts), { untilIdle: true }, never);
      await run().catch(() => undefined);
      expect((await opened.inbox.backlog(never)).waiting + (await letters()).length).toBe(2);
      await run();
      expect(failures).toBeGreaterThan(1);
      expect([(await opened.inbox.backlog(never)).waiting, (await letters()).length]).toEqual([0, 2]);
      expect(await pipeline.rows('select count(*) as count from answers')).toEqual([{ count: 2 }]);
    });

    test('a tenant that an operator pauses waits: nothing is parked or done, and it goes on afterwards', async () => {
      const pipeline = await openPipeline();
      pipeline.intake.holdTenants([{ tenant: 't-9', since: new Date(0) }]);
      const held = deliveryHandler({ ...pipeline.parts, untilIdle: true });
      await publishBoth();
      await opened.inbox.run(held, { untilIdle: true }, never);
      expect((await opened.inbox.backlog(never)).waiting).toBe(1);
      const stop = new AbortController();
      onTestFinished(() => stop.abort());
      const waiting = Promise.withResolvers<void>();
      const handler = deliveryHandler(pipeline.parts);
      const running = opened.inbox.run(
        async (delivery, signal) => {
          const verdict = await handler(delivery, signal);
          if (verdict.do === 'wait') waiting.resolve();
          else stop.abort();
          return verdict;
        },
        { untilIdle: false },
        stop.signal,
      );
      await waiting.promise;
      expect(await letters()).toHaveLength(1);
      pipeline.intake.holdTenants([]);
      await running;
      expect([(await opened.inbox.backlog(never)).waiting, (await letters()).length]).toEqual([0, 2]);
    });
  });
}
