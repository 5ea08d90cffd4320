import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type AuditEvent, auditText, CHAIN_START, chainEvent, hashOf } from '../../src/domain/audit-event.ts';
import { canonical } from '../../src/domain/canonical.ts';
import { type AuditVerdict, type ChainOptions, verifyChain } from '../../src/work/audit-chain.ts';
import { auditOutput } from '../../src/work/relay-audit.ts';
import { verifyAuditFile, verifyAuditTopic, verifyRegistryAudit } from '../../src/work/verify-audit.ts';
import { auditFact, memoryAudit, memoryTopic } from './audit-log.ts';

const SEED = 20261124;
const never = new AbortController().signal;

function chainOf(count: number): AuditEvent[] {
  const chain: AuditEvent[] = [];
  for (let seq = 1; seq <= count; seq++) {
    const { text } = auditText(auditFact(`uid-${seq}`));
    chain.push(chainEvent(text, seq, chain.at(-1)?.hash ?? CHAIN_START));
  }
  return chain;
}

async function* each<Item>(items: Iterable<Item>): AsyncGenerator<Item> {
  yield* items;
}

const ALLOWED: ChainOptions = { from: 1, repeats: 'allowed' };
const verify = async (events: readonly unknown[], options = ALLOWED): Promise<AuditVerdict> =>
  await verifyChain(
    each(events.map((event) => (typeof event === 'string' ? event : canonical(event)))),
    options,
  );
const problemsOf = ({ problems }: AuditVerdict): string[] =>
  problems.map(({ kind, seq }) => `${kind} ${seq}`);

/** Rewrites an event and everything behind it, as somebody with the whole file would. */
function rehashed(chain: readonly AuditEvent[], from: number, change: object): AuditEvent[] {
  const result = chain.slice(0, from);
  for (const event of chain.slice(from)) {
    const { hash: _, ...rest } = { ...event, ...(result.length === from ? change : {}) };
    const linked = { ...rest, prev: result.at(-1)?.hash ?? CHAIN_START };
    result.push({ ...linked, hash: hashOf(linked) });
  }
  return result;
}

describe('an intact chain', () => {
  test('has its numbers and its head, and no problem', async () => {
    const chain = chainOf(5);
    expect(await verify(chain)).toMatchObject({
      events: 5,
      repeats: 0,
      from: 1,
      to: 5,
      head: chain[4]!.hash,
      problems: [],
      problemCount: 0,
    });
  });

  test('may be empty', async () => {
    expect(await verify([])).toMatchObject({ events: 0, from: undefined, to: undefined, problems: [] });
  });

  test('may start later where that is allowed, as a topic does after its retention', async () => {
    const later = chainOf(5).slice(2);
    expect(await verify(later, { repeats: 'allowed' })).toMatchObject({ from: 3, to: 5, problems: [] });
    expect(problemsOf(await verify(later))).toEqual(['gap 3']);
  });
});

describe('damage', () => {
  const chain = chainOf(6);
  test.each<[string, unknown[], string[]]>([
    ['an event is missing', chain.toSpliced(2, 2), ['gap 5']],
    ['an edited event', chain.with(2, { ...chain[2]!, action: 'call.hold' }), ['edited 3']],
    ['an edited event with a new hash', chain.with(2, rehashed(chain, 2, { tenant: 'x' })[2]!), ['link 4']],
    [
      'two events swapped',
      [...chain.slice(0, 2), chain[3], chain[2], ...chain.slice(4)],
      ['gap 4', 'order 3'],
    ],
    ['a first event that continues another chain', rehashedStart('1'.repeat(64)), ['link 1']],
    ['text that is no JSON', [chain[0], '{"', ...chain.slice(1)], ['unreadable undefined']],
    [
      'JSON that is no audit event',
      [chain[0], '{"seq":2}', 'null', '[]', ...chain.slice(1)],
      Array<string>(3).fill('unreadable undefined'),
    ],
    [
      'text that no canonical form has',
      [chain[0], JSON.stringify({ ...chain[1], tenant: '\ud800' })],
      ['unreadable undefined'],
    ],
    ['a field beside the schema', chain.with(5, { ...chain[5]!, note: 'x' } as AuditEvent), ['edited 6']],
    [
      'bytes written anew',
      chain.map((event) => JSON.stringify(event, undefined, 1)).slice(0, 1),
      ['not-canonical 1'],
    ],
    [
      'a hidden second value of a field',
      [canonical(chain[0]).replace('{', '{"action":"call.hold",')],
      ['not-canonical 1'],
    ],
    ['another event under a known number', [...chain, rehashed(chain, 5, { tenant: 'x' })[5]], ['fork 6']],
  ])('%s', async (_, events, expected) => {
    expect(problemsOf(await verify(events))).toEqual(expected);
  });

  test('names the record, counted from 1', async () => {
    const { problems } = await verify(chain.with(3, { ...chain[3]!, durationMs: 1 }));
    expect(problems).toEqual([
      { kind: 'edited', record: 4, seq: 4, says: 'its content does not give its hash' },
    ]);
  });

  test('of any one byte is found', async () => {
    const bytes = Buffer.from(chain.map((event) => `${canonical(event)}\n`).join(''));
    await fc.assert(
      fc.asyncProperty(fc.nat(bytes.length - 2), fc.integer({ min: 1, max: 255 }), async (at, flip) => {
        const damaged = Buffer.from(bytes);
        damaged[at]! ^= flip;
        const { problemCount } = await verifyAuditFile(each([damaged]), undefined, never);
        expect(problemCount).toBeGreaterThan(0);
      }),
      { seed: SEED, numRuns: 500 },
    );
  });

  test('of a whole file lists the first thousand problems and counts them all', async () => {
    const { problems, problemCount } = await verify(Array<string>(1500).fill('x'));
    expect([problems.length, problemCount]).toEqual([1000, 1500]);
  });
});

describe('repeats', () => {
  const chain = chainOf(4);
  const repeated = [...chain.slice(0, 3), ...chain.slice(1, 3), chain[3]];

  test('with the same bytes are counted, not blamed, where a relay may have crashed', async () => {
    expect(await verify(repeated)).toMatchObject({ events: 4, repeats: 2, problems: [] });
  });

  test('have no place in a registry', async () => {
    expect(problemsOf(await verify(repeated, { ...ALLOWED, repeats: 'refused' }))).toEqual([
      'repeated 2',
      'repeated 3',
    ]);
  });
});

describe('a cut tail', () => {
  const chain = chainOf(5);
  const published = (seq: number) => ({ ...ALLOWED, published: { seq, hash: chain[seq - 1]!.hash } });

  test('is seen up to the last published head', async () => {
    const verdict = await verify(chain.slice(0, 3), published(4));
    expect(problemsOf(verdict)).toEqual(['cut 4']);
    expect(verdict.tail.provedThrough).toBeUndefined();
  });

  test('of everything is seen too', async () => {
    expect(problemsOf(await verify([], published(4)))).toEqual(['cut 4']);
  });

  test('behind the published head is not seen, and the verdict says so', async () => {
    const { problems, tail } = await verify(chain.slice(0, 4), published(3));
    expect(problems).toEqual([]);
    expect(tail).toEqual({
      provedThrough: 3,
      note:
        'a cut tail is ruled out through event 3, the last head published on the audit topic; ' +
        'one cut behind it would not be seen',
    });
  });

  test('is not ruled out at all without a published head, and the verdict says so', async () => {
    expect((await verify(chain)).tail).toEqual({
      provedThrough: undefined,
      note: 'no head published on the audit topic was found in this chain: a cut tail would not be seen',
    });
  });

  test('a rewritten tail differs from the published head', async () => {
    expect(problemsOf(await verify(rehashed(chain, 2, { tenant: 'x' }), published(4)))).toEqual(['fork 4']);
  });

  test('a head before the first event of a file proves nothing', async () => {
    const later = await verify(chain.slice(3), { repeats: 'allowed', published: published(2).published });
    expect(later).toMatchObject({ problems: [], tail: { provedThrough: undefined } });
  });
});

describe('where a chain comes from', () => {
  const filled = async () => {
    const audit = memoryAudit();
    const topic = memoryTopic();
    await audit.append(
      Array.from({ length: 4 }, (_, i) => auditFact(`uid-${i + 1}`)),
      never,
    );
    await audit.sequence((await audit.leaseRelay('r', 1, never))!, 10, never);
    const chain = await Array.fromAsync(audit.chain(1, never));
    return { audit, topic, chain };
  };

  test('the registry: compared with the last head on the topic', async () => {
    const { audit, topic, chain } = await filled();
    await topic.publish(chain.slice(0, 3).map(auditOutput), never);
    expect(await verifyRegistryAudit(audit, topic, never)).toMatchObject({
      events: 4,
      problems: [],
      tail: { provedThrough: 3 },
    });
  });

  test('the topic: what it holds is its own proof', async () => {
    const { topic, chain } = await filled();
    await topic.publish(chain.slice(1).map(auditOutput), never);
    expect(await verifyAuditTopic(topic, never)).toMatchObject({
      from: 2,
      to: 4,
      tail: { provedThrough: 4 },
    });
  });

  test.each([1, 7, 100_000])(
    'a file, fed in pieces of %i bytes, with or without a last line end',
    async (size) => {
      const { topic, chain } = await filled();
      await topic.publish(chain.map(auditOutput), never);
      for (const end of ['', '\n', '\r\n']) {
        const bytes = Buffer.from(chain.map(canonical).join(end === '\r\n' ? end : '\n') + end);
        const pieces = Array.from({ length: Math.ceil(bytes.length / size) }, (_, i) =>
          bytes.subarray(i * size, (i + 1) * size),
        );
        expect(await verifyAuditFile(each(pieces), topic, never)).toMatchObject({
          events: 4,
          problems: [],
          tail: { provedThrough: 4 },
        });
      }
    },
  );

  test('a file without line ends is not collected in memory', async () => {
    const megabytes = Array.from({ length: 200 }, () => Buffer.alloc(1024 * 1024, 'x'));
    const { problems } = await verifyAuditFile(each(megabytes), undefined, never);
    expect(problems.map(({ kind }) => kind)).toEqual(['unreadable']);
  });
});

/** A chain whose first event names another one as its predecessor, and is hashed so. */
function rehashedStart(prev: string): AuditEvent[] {
  const { hash: _, ...rest } = { ...chainOf(1)[0]!, prev };
  return [{ ...rest, hash: hashOf(rest) }];
}
