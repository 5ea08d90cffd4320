import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { RULES, type Rule } from '../../src/domain/decide.ts';
import { runHistory } from './history.ts';
import { type Mutation, openStage, type Stage, Violation } from './world.ts';

/**
 * Every rule and every guard is taken out, alone, and the histories must then break a promise. A mutation that
 * brings no violation is a rule that nothing depends on, or a model that does not look.
 */

/** Each is found far earlier; the bound keeps a model that has gone blind from running for ever. */
const MOST_HISTORIES = 4_000;

let stage: Stage;
beforeAll(async () => {
  stage = await openStage();
});
afterAll(async () => await stage.database.close());

async function violationOf(mutation: Mutation): Promise<string> {
  for (let seed = 1; seed <= MOST_HISTORIES; seed++) {
    try {
      await runHistory(stage, seed, mutation);
    } catch (error) {
      if (!(error instanceof Violation)) throw error;
      return error.cause instanceof Error ? error.cause.message : error.message;
    }
  }
  return 'none';
}

function without(...names: readonly string[]): readonly Rule[] {
  const left = RULES.filter(({ name }) => !names.includes(name));
  if (left.length + names.length !== RULES.length) throw new Error(`no such rule: ${names.join(', ')}`);
  return left;
}

const OPEN_ONLY = "and state = 'open'";
const ONLY_OPEN_WINS = 'only an open attempt may win';

describe('a rule taken out brings its violation back', () => {
  const violations: Record<string, RegExp> = {
    'a shredded call never comes back': /refused was promised|does not tell the truth|its shred/,
    'a lower revision than the current receipt is superseded': /superseded was promised/,
    'a lower revision than a denied consent is superseded': /superseded was promised/,
    'the same revision with the same event is a duplicate': /duplicate was promised/,
    'the same revision with another event is parked':
      /parked was promised|UNIQUE constraint failed: receipts/,
    'denied consent is refused': /never gets its answer/,
    'what fails for ever is parked': /never gets its answer/,
    'what is carried over must still stand in the current receipt': /no longer current|is gone/,
    'what was sealed is sealed': /never gets its answer/,
  };

  for (const { name } of RULES.filter((rule) => rule.name !== ONLY_OPEN_WINS)) {
    test(`without it: ${name}`, { timeout: 120_000 }, async () => {
      expect(await violationOf({ rules: without(name) })).toMatch(
        violations[name] ?? /no violation is named/,
      );
    });
  }

  // The winner's update asks once more, since the sweep takes no lock of the call: here both are taken out.
  test(`${ONLY_OPEN_WINS}, and so says the statement that makes it win`, { timeout: 120_000 }, async () => {
    const mutation = { rules: without(ONLY_OPEN_WINS), sql: [{ from: OPEN_ONLY, to: '' }] };
    expect(await violationOf(mutation)).toMatch(/ went from /);
  });
});

describe('a guard taken out brings its violation back', () => {
  const guards: Record<
    string,
    {
      readonly from: string;
      readonly to: string;
      readonly brings: RegExp;
      readonly often?: Mutation['often'];
    }
  > = {
    'an attempt ends once': { from: OPEN_ONLY, to: '', brings: / went from / },
    'only open attempts are abandoned': {
      from: "where state = 'open' and seen_at",
      to: 'where seen_at',
      brings: / went from /,
    },
    'a restore turns only open attempts unknown': {
      from: "ended_at = callseal_now() where state = 'open'",
      to: 'ended_at = callseal_now()',
      brings: / went from |did not win/,
    },
    'a restore leaves no attempt open': {
      from: "set state = 'unknown'",
      to: "set state = 'open'",
      brings: /is gone/,
    },
    'only lost and abandoned attempts are swept': {
      from: "state in ('lost', 'abandoned') and swept_at is null and",
      to: 'swept_at is null and',
      brings: /is gone|and swept/,
    },
    'an answer that is there is adopted': {
      from: 'a.replay = $4',
      to: 'a.replay = $4 + 1000',
      brings: /other bytes came from/,
    },
    'a restore raises the epoch': {
      from: 'set went_back = 1, epoch =',
      to: 'set went_back = 1, id = id + 0 *',
      brings: /readers are wrong/,
      often: { restore: 5, snapshot: 3 },
    },
    'a backup that is restored twice gets two epochs': {
      from: 'case when epoch < callseal_now() / 1000 then callseal_now() / 1000 else epoch + 1 end',
      to: 'epoch + 1',
      brings: /readers are wrong|is not above|names an object|another uid/,
      often: { restore: 5 },
    },
    'a shred deletes the wrapped keys': {
      from: 'delete from call_keys where',
      to: 'delete from call_keys where 1 = 0 and',
      brings: /outlived its shred/,
    },
    'the sweep closes what nobody closed': {
      from: "attempt in (select uid from attempts where state <> 'open')",
      to: '1 = 0',
      brings: /never closed/,
    },
  };

  for (const [name, { from, to, brings, often = {} }] of Object.entries(guards)) {
    test(`without it: ${name}`, { timeout: 120_000 }, async () => {
      expect(await violationOf({ sql: [{ from, to }], often })).toMatch(brings);
    });
  }
});

test('a registry that went back decides nothing: without that, it does', { timeout: 120_000 }, async () => {
  const sql = [
    { from: '(select went_back from meta) as went_back', to: '0 as went_back' },
    { from: 'm.went_back,', to: '0 as went_back,' },
  ];
  expect(await violationOf({ sql })).toMatch(/went back/);
});

describe('a bad habit of a worker brings its violation back', () => {
  const habits: Record<string, { readonly habits: Mutation['habits']; readonly brings: RegExp }> = {
    'only the arrival that decided publishes': {
      habits: { publishesForAnyArrival: true },
      brings: /was published/,
    },
    'no object goes before a fresh read shows another winner': {
      habits: { deletesUnread: true },
      brings: /is gone/,
    },
    'no key is used before its intent is durable': {
      habits: { usesKeyBeforeIntent: true },
      brings: /before its intent/,
    },
    'a restore brings the tombstones back': {
      habits: { acceptsRestoreWithoutTombstones: true },
      brings: /readers are wrong|refused was promised|superseded was promised|its shred/,
    },
    'no process outlives a restore': {
      habits: { outlivesRestores: true },
      brings: /was never published|names an object|another uid/,
    },
    'what a restore hands over has an arrival of its own': {
      habits: { handsOverWithOldArrival: true },
      brings: /was published/,
    },
  };

  for (const [name, { habits: bad, brings }] of Object.entries(habits)) {
    test(`without it: ${name}`, { timeout: 120_000 }, async () => {
      expect(await violationOf({ habits: bad ?? {}, often: { restore: 3, shred: 2 } })).toMatch(brings);
    });
  }
});
