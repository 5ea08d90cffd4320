import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { hashOf } from '../../src/domain/audit-event.ts';
import { canonical } from '../../src/domain/canonical.ts';
import type { CrashPoint } from '../../src/domain/crash-points.ts';
import { CallsealError } from '../../src/domain/errors.ts';
import {
  type RelayOptions,
  relayAudit,
  relayLastWords,
  relayOnce,
  relayPending,
} from '../../src/work/relay-audit.ts';
import { verifyAuditTopic, verifyRegistryAudit } from '../../src/work/verify-audit.ts';
import { auditFact, type MemoryAudit, memoryAudit, memoryTopic } from './audit-log.ts';

const never = new AbortController().signal;
const options: RelayOptions = { holder: 'relay-1', leaseMs: 1000, batch: 3 };
let audit: MemoryAudit;
let events: ReturnType<typeof memoryTopic>;

beforeEach(() => {
  audit = memoryAudit();
  events = memoryTopic();
});
afterEach(() => {
  globalThis.callsealCrashHook = undefined;
});

const append = async (...uids: string[]): Promise<void> =>
  await audit.append(
    uids.map((uid) => auditFact(uid)),
    never,
  );
const ids = (): string[] => events.records.map(({ id }) => id);

describe('a step', () => {
  test('chains what is there, publishes it in order and marks it', async () => {
    await append('a', 'b');
    expect(await relayOnce({ audit, events }, options, never)).toEqual({ standby: false, published: 2 });
    expect(ids()).toEqual(['a', 'b']);
    expect(audit.publishedThrough()).toBe(2);
    expect(await relayOnce({ audit, events }, options, never)).toEqual({ standby: false, published: 0 });
  });

  test('publishes each event as a binary CloudEvent: canonical bytes, its uid as id, one key for all', async () => {
    await append('a', 'b');
    await relayPending({ audit, events }, options, never);
    const chain = await Array.fromAsync(audit.chain(1, never));
    expect(events.records).toEqual(
      chain.map((event) => ({
        topic: 'audit',
        key: 'audit',
        id: event.eventUid,
        headers: {
          ce_specversion: '1.0',
          ce_id: event.eventUid,
          ce_source: 'callseal',
          ce_type: 'callseal.audit.v1',
          ce_time: event.time,
          'content-type': 'application/json',
        },
        value: Buffer.from(canonical(event)),
      })),
    );
    const { hash, ...rest } = chain[1]!;
    expect(hashOf(rest)).toBe(hash);
    expect(rest.prev).toBe(chain[0]!.hash);
  });

  test('stands by while another relay holds the lease, and takes over when it has run out', async () => {
    await append('a');
    await audit.leaseRelay('relay-2', 1000, never);
    expect(await relayOnce({ audit, events }, options, never)).toEqual({ standby: true, published: 0 });
    expect(ids()).toEqual([]);
    audit.now = 1000;
    expect(await relayOnce({ audit, events }, options, never)).toEqual({ standby: false, published: 1 });
  });

  test('that lost its lease unnoticed marks nothing; what both published has the same ids and bytes', async () => {
    await append('a', 'b');
    const zombie = {
      publish: async (outputs: Parameters<typeof events.publish>[0]) => {
        audit.now = 5000;
        await relayOnce({ audit, events }, { ...options, holder: 'relay-2' }, never);
        await append('c');
        await relayOnce({ audit, events }, { ...options, holder: 'relay-2' }, never);
        await events.publish(outputs, never);
      },
    };
    const step = relayOnce({ audit, events: zombie }, options, never);
    await expect(step).rejects.toMatchObject({ code: 'FENCED' });
    expect(ids()).toEqual(['a', 'b', 'c', 'a', 'b']);
    expect(await verifyAuditTopic(events, never)).toMatchObject({ events: 3, repeats: 2, problems: [] });
  });
});

describe('a crash', () => {
  const crashAt = async (wanted: CrashPoint): Promise<void> => {
    globalThis.callsealCrashHook = (point) => {
      if (point === wanted) throw new Error(`crash at ${point}`);
    };
    await expect(relayOnce({ audit, events }, options, never)).rejects.toThrow(wanted);
    globalThis.callsealCrashHook = undefined;
  };

  test.each([
    ['after-sequence', ['a', 'b', 'c']],
    ['after-relay-publish', ['a', 'b', 'a', 'b', 'c']],
    ['after-relay-mark', ['a', 'b', 'c']],
  ] as const)('%s loses nothing and gives a repeat the same id and bytes', async (point, expected) => {
    await append('a', 'b');
    await crashAt(point);
    await append('c');
    await relayPending({ audit, events }, options, never);
    expect(ids()).toEqual(expected);
    const repeats = expected.length - 3;
    expect(await verifyAuditTopic(events, never)).toMatchObject({ events: 3, repeats, problems: [] });
    expect(await verifyRegistryAudit(audit, events, never)).toMatchObject({
      problems: [],
      tail: { provedThrough: 3 },
    });
  });
});

describe('relayPending', () => {
  test('relays more than one batch, and says how many', async () => {
    await append('a', 'b', 'c', 'd', 'e', 'f', 'g', 'h');
    expect(await relayPending({ audit, events }, options, never)).toBe(8);
    expect(ids().join('')).toBe('abcdefgh');
  });
});

describe('the loop', () => {
  const loop = { ...options, restMs: 1, onFailure: () => undefined };

  test('relays what comes, until its signal ends it', async () => {
    const stop = new AbortController();
    const watched = {
      publish: async (outputs: Parameters<typeof events.publish>[0]) => {
        await events.publish(outputs, never);
        if (events.records.length === 3) stop.abort();
        else await append('later-1', 'later-2');
      },
    };
    await append('first');
    await relayAudit({ audit, events: watched }, loop, stop.signal);
    expect(ids()).toEqual(['first', 'later-1', 'later-2']);
    expect(audit.publishedThrough()).toBe(3);
  });

  test('ends at once while it rests', async () => {
    const stop = new AbortController();
    const resting = relayAudit({ audit, events }, { ...loop, restMs: 2 ** 31 - 1 }, stop.signal);
    setTimeout(() => stop.abort(), 5);
    await expect(resting).resolves.toBeUndefined();
  });

  test.each(['INBOX_DOWN', 'REGISTRY_DOWN', 'FENCED'] as const)(
    'tells of %s and tries again',
    async (code) => {
      const stop = new AbortController();
      const failures: string[] = [];
      let tries = 0;
      const shaky = {
        publish: async (outputs: Parameters<typeof events.publish>[0]) => {
          if (++tries < 3) throw new CallsealError(code, 'away');
          await events.publish(outputs, never);
          stop.abort();
        },
      };
      await append('a');
      const onFailure = (error: CallsealError): void => void failures.push(error.code);
      await relayAudit({ audit, events: shaky }, { ...loop, onFailure }, stop.signal);
      expect(failures).toEqual([code, code]);
      expect(ids()).toEqual(['a']);
    },
  );

  test('ends with what no other try can mend', async () => {
    const broken = {
      publish: async () => {
        throw new CallsealError('REGISTRY_WENT_BACK', 'restored');
      },
    };
    await append('a');
    await expect(relayAudit({ audit, events: broken }, loop, never)).rejects.toMatchObject({
      code: 'REGISTRY_WENT_BACK',
    });
  });
});

describe('the last words of a worker', () => {
  const told = (failures: CallsealError[]) => ({
    ...options,
    onFailure: (error: CallsealError) => void failures.push(error),
  });

  test('end in peace when the time is up before everything is published', async () => {
    await append('a', 'b', 'c', 'd');
    const time = new AbortController();
    const slow = {
      ...events,
      publish: async (outputs: Parameters<typeof events.publish>[0]) => {
        await events.publish(outputs, never);
        time.abort();
      },
    };
    await relayLastWords({ audit, events: slow }, told([]), time.signal);
    expect(ids()).toEqual(['a', 'b', 'c']);
  });

  test('say that a dependency is away, and end', async () => {
    await append('a');
    const away = new CallsealError('INBOX_DOWN', 'made by the test');
    const failures: CallsealError[] = [];
    const broken = { ...events, publish: async () => await Promise.reject(away) };
    await relayLastWords({ audit, events: broken }, told(failures), never);
    expect(failures).toEqual([away]);
  });

  test('do not hide what no other try can mend', async () => {
    await append('a');
    const bug = new TypeError('made by the test');
    const broken = { ...events, publish: async () => await Promise.reject(bug) };
    await expect(relayLastWords({ audit, events: broken }, told([]), never)).rejects.toBe(bug);
  });
});
