import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { acrossTenants, type Sql, type SqlDatabase } from '../../src/adapters/registry/sql.ts';
import { sqlRegistry } from '../../src/adapters/registry/sql-registry.ts';
import { CallsealError } from '../../src/domain/errors.ts';
import { newUid } from '../../src/domain/ids.ts';
import type { Outcome } from '../../src/domain/outcome-event.ts';
import type { Decided, Registry } from '../../src/ports/registry.ts';
import { failureCode } from './failure-code.ts';
import {
  fact,
  never,
  open,
  PARK,
  place,
  proposal,
  sealing,
  sealProposal,
  sealWhole,
} from './registry-proposals.ts';
import { registryCampaignsContract } from './registry-suite-campaigns.ts';
import { registryParkedContract } from './registry-suite-parked.ts';
import { registryReconcilingContract } from './registry-suite-reconciling.ts';
import { registryRecordsContract } from './registry-suite-records.ts';
import { openWorldDatabase, REGISTRY_WORLDS, type RegistryWorld } from './registry-worlds.ts';
import { runProgram } from './run-program.ts';

/** What every registry must do (src/ports/registry.ts). */
export function registryContract(kind: string): void {
  describe(`registry of kind ${kind}`, () => {
    let world: RegistryWorld;
    let database: SqlDatabase;
    let registry: Registry;

    beforeEach(async () => {
      world = (await REGISTRY_WORLDS[kind]?.make()) as RegistryWorld;
      database = await openWorldDatabase(world);
      registry = sqlRegistry(database);
    });
    afterEach(async () => {
      await registry.close();
      await world.dispose();
    });
    const openAnother = async (): Promise<Registry> => sqlRegistry(await openWorldDatabase(world));
    const count = async (table: string): Promise<number> =>
      Number((await acrossTenants(database).query(`select count(*) as found from ${table}`))[0]?.['found']);

    describe('an answer', () => {
      test('is given once: asked again, it is adopted, and nothing else is written', async () => {
        const of = sealing();
        const callUid = await open(registry, of);
        const first = await registry.decide(sealProposal(of, callUid), never);
        const audited = await count('audit_events');
        const again = await registry.decide(sealProposal(of, callUid), never);
        expect(again).toEqual({ ...first, adopted: true });
        expect(await count('audit_events')).toBe(audited);
        expect(await registry.answerOf({ ...of, deliveredDigest: of.digest }, never)).toEqual(rowOf(first));
      });

      test('carries an outcome that says what stands now, made once', async () => {
        const row = rowOf(await sealWhole(registry, sealing()));
        const outcome = JSON.parse(row.outcome ?? '') as Outcome;
        expect(outcome).toMatchObject({
          answer: 'sealed',
          current: { revision: 1, generation: 1 },
          registryEpoch: row.registryEpoch,
          sequence: row.sequence,
          timings: { sealMs: 12 },
          artifacts: [{ id: 'transcript', announced: 'inline', keyMaterialId: 'material-1' }],
        });
      });

      test('has a sequence above every one before it', async () => {
        const sequences = [];
        for (const revision of [1, 2, 3]) {
          const decided = await sealWhole(registry, sealing({ origin: place(revision), revision }));
          sequences.push(rowOf(decided).sequence ?? 0);
        }
        expect(sequences).toEqual(sequences.toSorted((a, b) => a - b));
        expect(new Set(sequences).size).toBe(3);
      });

      test('of an event that nobody could read needs no call and publishes no outcome', async () => {
        const { call: _, ...unreadable } = proposal(sealing(), PARK);
        const first = await registry.decide(unreadable, never);
        expect(rowOf(first)).toMatchObject({ answer: 'parked', code: 'EVENT_NOT_JSON', outcome: undefined });
        expect(await registry.decide(unreadable, never)).toEqual({ ...first, adopted: true });
      });

      test('to other bytes under the same origin is refused: ORIGIN_REUSED', async () => {
        const of = sealing();
        const callUid = await open(registry, of);
        const reused = sealing({ digest: 'other bytes', call: 'c-2' });
        expect(await failureCode(open(registry, reused))).toBe('ORIGIN_REUSED');
        expect(await failureCode(registry.decide(proposal(reused, PARK), never))).toBe('ORIGIN_REUSED');
        await registry.decide(sealProposal(of, callUid), never);
        expect(await failureCode(registry.decide(proposal(reused, PARK), never))).toBe('ORIGIN_REUSED');
        const asked = registry.answerOf({ ...reused, deliveredDigest: reused.digest }, never);
        expect(await failureCode(asked)).toBe('ORIGIN_REUSED');
      });

      test('keeps the arrival that decided it, whoever asks later', async () => {
        const of = sealing();
        await sealWhole(registry, of);
        const other = proposal(of, PARK);
        const later = { ...other, delivery: { ...other.delivery, arrival: place(9, 'retry') } };
        expect(rowOf(await registry.decide(later, never)).arrival).toEqual(of.origin);
      });
    });

    describe('the decision', () => {
      test('supersedes a lower revision, and knows the same event again', async () => {
        await sealWhole(registry, sealing({ revision: 2 }));
        const lower = await sealWhole(registry, sealing({ origin: place(1) }));
        expect(rowOf(lower)).toMatchObject({ answer: 'superseded', code: 'REVISION_LOWER' });
        const same = await sealWhole(registry, sealing({ origin: place(2), revision: 2 }));
        expect(rowOf(same)).toMatchObject({ answer: 'duplicate', outcome: undefined });
        const reused = sealing({ origin: place(3), revision: 2, eventDigest: 'another' });
        expect(rowOf(await sealWhole(registry, reused))).toMatchObject({
          answer: 'parked',
          park: { code: 'REVISION_REUSED', stage: 'decide' },
        });
        expect(await count('receipts')).toBe(1);
        expect(await count('call_keys')).toBe(1);
      });

      test('remembers a denied consent: lower revisions are superseded from then on', async () => {
        const denied = sealing({ revision: 3 });
        const refused = await registry.decide(
          proposal(denied, { kind: 'refuse', code: 'CONSENT_DENIED' }),
          never,
        );
        expect(rowOf(refused)).toMatchObject({ answer: 'refused', code: 'CONSENT_DENIED' });
        const lower = await sealWhole(registry, sealing({ origin: place(1), revision: 2 }));
        expect(rowOf(lower).answer).toBe('superseded');
      });

      test('opens no attempt for a call that has another uid than it was viewed with', async () => {
        const { origin, replay, digest: deliveredDigest, tenant, call, revision, attempt: uid } = sealing();
        const given = { uid, origin, replay, deliveredDigest, tenant, call, revision, intents: [] };
        const opening = registry.openAttempt({ ...given, callUid: 'of another life' }, never);
        expect(await failureCode(opening)).toBe('ATTEMPT_LOST');
        expect(await count('attempts')).toBe(0);
      });

      test('lets only an open attempt win; any other starts again', async () => {
        const of = sealing();
        const callUid = await open(registry, of);
        await registry.loseAttempt(of.attempt, [], never);
        expect(await registry.decide(sealProposal(of, callUid), never)).toEqual({ kind: 'start-again' });
        const unknown = sealing({ attempt: newUid() });
        expect(await registry.decide(sealProposal(unknown, callUid), never)).toEqual({ kind: 'start-again' });
        expect(await count('call_keys')).toBe(0);
      });

      test('takes over what still stands in the current receipt, and nothing else', async () => {
        const first = sealing();
        await sealWhole(registry, first);
        const [before] = await registry.receipts('t-1', 'c-1', never);
        const carried = (before?.artifacts ?? []).map((one) => ({ ...one, carriedFrom: 1 }));
        const next = sealing({ origin: place(1), revision: 2, fresh: [] });
        const row = rowOf(await sealWhole(registry, next, carried));
        const [artifact] = (JSON.parse(row.outcome ?? '') as Outcome).artifacts;
        expect(artifact).toMatchObject({ carriedFrom: 1, keyMaterialId: 'material-1' });
        expect(artifact?.announced).toBeUndefined();
        const elsewhere = carried.map((one) => ({ ...one, object: `${one.object}-old` }));
        const stale = sealing({ origin: place(2), revision: 3, fresh: [] });
        expect(await sealWhole(registry, stale, elsewhere)).toEqual({ kind: 'start-again' });
        expect(await registry.attemptState(stale.attempt, never)).toBe('lost');
      });

      test('refuses a receipt that names what its attempt did not make', async () => {
        const of = sealing();
        const callUid = await open(registry, of);
        const { sealed, ...rest } = sealProposal(of, callUid);
        if (!sealed) throw new Error('nothing sealed');
        const foreign = sealed.receipt.artifacts.map((one) => ({ ...one, object: 't-1/x/y/transcript' }));
        const wrong = { ...rest, sealed: { ...sealed, receipt: { ...sealed.receipt, artifacts: foreign } } };
        expect(await failureCode(registry.decide(wrong, never))).toBe('BUG');
        expect(await registry.attemptState(of.attempt, never)).toBe('open');
      });

      test('closes its intents, once, with what it knows', async () => {
        const of = sealing();
        await sealWhole(registry, of);
        const facts = await registry.auditOf(of.attempt, 'key.generate', never);
        expect(facts.map(({ outcome }) => outcome.status)).toEqual(['intent']);
        expect(await count('open_intents')).toBe(0);
        const closing = { intentUid: of.intent.eventUid, fact: fact('key.generate') };
        const audited = await count('audit_events');
        await registry.closeIntent(closing, never);
        expect(await count('audit_events')).toBe(audited);
      });
    });

    describe('a shred', () => {
      const audit = () => ({ uid: newUid(), fact: fact('call.shred'), at: '2026-11-24T11:00:00.000Z' });

      test('of a call deletes its keys, names its objects, and is final', async () => {
        const of = sealing();
        await sealWhole(registry, of);
        const late = sealing({ origin: place(1), revision: 2 });
        const callUid = await open(registry, late);
        const how = audit();
        const done = await registry.shred({ tenant: 't-1', call: 'c-1' }, how, never);
        expect(done).toMatchObject({ keysDeleted: 1, answers: [{ answer: 'refused', uid: how.uid }] });
        expect(JSON.parse(done.answers[0]?.outcome ?? '')).toMatchObject({ current: 'shredded' });
        expect(done.objects).toHaveLength(1);
        expect(await registry.wrappedKey(`${of.attempt}-phi`, never)).toBeUndefined();
        const refused = await registry.decide(sealProposal(late, callUid), never);
        expect(rowOf(refused)).toMatchObject({ answer: 'refused', code: 'CALL_SHREDDED' });
        expect(await failureCode(open(registry, sealing({ origin: place(2) })))).toBe('CALL_SHREDDED');
        expect(await registry.call('t-1', 'c-1', never)).toMatchObject({ shredded: true });
        expect((await registry.shred({ tenant: 't-1', call: 'c-1' }, how, never)).answers).toEqual(
          done.answers,
        );
      });

      test('of a class leaves the rest, and later revisions leave that class out with a warning', async () => {
        const fresh = [
          { id: 'transcript', keyClass: 'phi' },
          { id: 'voice', keyClass: 'voiceprint' },
        ] as const;
        const first = sealing({ fresh });
        await sealWhole(registry, first);
        const done = await registry.shred(
          { tenant: 't-1', call: 'c-1', keyClass: 'voiceprint' },
          audit(),
          never,
        );
        expect(done.keysDeleted).toBe(1);
        expect(JSON.parse(done.answers[0]?.outcome ?? '')).toMatchObject({
          current: { revision: 1, generation: 1 },
        });
        const receipt = await registry.currentReceipt('t-1', 'c-1', never);
        const named = receipt?.artifacts.map(async ({ object }) => await registry.isNamed(object, never));
        expect(await Promise.all(named ?? [])).toEqual([true, false]);
        const second = sealing({ origin: place(1), revision: 2, fresh });
        const row = rowOf(await sealWhole(registry, second));
        expect(row.answer).toBe('sealed-with-warnings');
        expect(JSON.parse(row.outcome ?? '')).toMatchObject({
          artifacts: [{ id: 'transcript' }],
          warnings: ['CLASS_SHREDDED'],
        });
        expect(await registry.wrappedKey(`${second.attempt}-voiceprint`, never)).toBeUndefined();
      });

      test('of a tenant answers for each of its calls; of what never was, it leaves its tombstone', async () => {
        await sealWhole(registry, sealing());
        await sealWhole(registry, sealing({ origin: place(1), call: 'c-2' }));
        await sealWhole(registry, sealing({ origin: place(2), tenant: 't-2' }));
        const done = await registry.shred({ tenant: 't-1' }, audit(), never);
        expect(done.answers.map(({ call }) => call)).toEqual(['c-1', 'c-2']);
        expect([done.keysDeleted, await count('call_keys')]).toEqual([2, 1]);
        await registry.shred({ tenant: 't-9', call: 'c-9' }, audit(), never);
        expect(await registry.tombstones(never)).toEqual([
          { tenant: 't-1', at: '2026-11-24T11:00:00.000Z' },
          { tenant: 't-9', call: 'c-9', at: '2026-11-24T11:00:00.000Z' },
        ]);
        const unborn = sealing({ origin: place(3), tenant: 't-9', call: 'c-9' });
        expect(await failureCode(open(registry, unborn))).toBe('CALL_SHREDDED');
      });
    });

    describe('two at once', () => {
      test('two connections that decide one origin give one answer, and one of them wins', async () => {
        const other = await openAnother();
        for (let offset = 0; offset < 20; offset++) {
          const [a, b] = [sealing({ origin: place(offset), call: `c-${offset}` })].flatMap((of) => [
            of,
            { ...of, ...sealing({ ...of, attempt: newUid() }) },
          ]);
          if (!a || !b) throw new Error('two sealings');
          const callUid = await open(registry, a);
          await open(other, b);
          const [one, two] = await Promise.all([
            registry.decide(sealProposal(a, callUid), never),
            other.decide(sealProposal(b, callUid), never),
          ]);
          expect(rowOf(one)).toEqual(rowOf(two));
          const states = await Promise.all(
            [a, b].map(async ({ attempt }) => await registry.attemptState(attempt, never)),
          );
          expect(new Set(states)).toEqual(new Set(['lost', 'won']));
        }
        expect([await count('receipts'), await count('call_keys')]).toEqual([20, 20]);
        await other.close();
      });

      test('two processes that answer the same origins agree on every answer', async () => {
        const args = [world.kind, world.location, '0', '40'];
        const [one, two] = await Promise.all([
          runProgram('registry-child.ts', args),
          runProgram('registry-child.ts', args),
        ]);
        expect(one.stdout.split('\n')).toHaveLength(40);
        expect(one.stdout).toBe(two.stdout);
        expect([await count('answers'), await count('receipts')]).toEqual([40, 40]);
      });
    });

    describe('what goes wrong', () => {
      for (const committed of [false, true]) {
        test(`a lost reply to COMMIT, ${committed ? 'done' : 'undone'}: asking again gives the one answer`, async () => {
          const of = sealing();
          const callUid = await open(registry, of);
          const wanted = sealProposal(of, callUid);
          const deaf = sqlRegistry(losingReply(database, committed));
          expect(await failureCode(deaf.decide(wanted, never))).toBe('COMMIT_UNKNOWN');
          const known = await registry.answerOf({ ...of, deliveredDigest: of.digest }, never);
          expect(known !== undefined).toBe(committed);
          const decided = await registry.decide(wanted, never);
          expect(decided).toMatchObject({ kind: 'answered', adopted: committed });
          expect(await registry.attemptState(of.attempt, never)).toBe('won');
        });
      }

      test('a decision that fails at its end leaves neither state nor audit', async () => {
        const of = sealing();
        const callUid = await open(registry, of);
        const before = await allRows(database);
        const wanted = {
          ...sealProposal(of, callUid),
          auditOf: () => {
            throw new TypeError('no fact');
          },
        };
        await expect(registry.decide(wanted, never)).rejects.toThrow('no fact');
        expect(await allRows(database)).toEqual(before);
      });

      test('kill -9 inside the decision leaves nothing of it; what was acknowledged is there', async () => {
        const { signal, stdout } = await runProgram(
          'registry-child.ts',
          [world.kind, world.location, '0', '10'],
          { env: { CALLSEAL_CRASH_AT: 'in-decision:4' } },
        );
        expect(signal).toBe('SIGKILL');
        const acknowledged = stdout.split('\n').map((line) => line.split(' ')[1]);
        expect(acknowledged).toHaveLength(3);
        const reopened = await openAnother();
        const answers = await reopened.answers({ limit: 100 }, never);
        expect(new Set(answers.map(({ uid }) => uid))).toEqual(new Set(acknowledged));
        expect([await count('receipts'), await count('call_keys'), await count('open_intents')]).toEqual([
          3, 3, 1,
        ]);
        await reopened.close();
      });

      test('an aborted signal is heard before anything is asked', async () => {
        const stopped = AbortSignal.abort();
        await expect(registry.calls({}, stopped)).rejects.toMatchObject({ name: 'AbortError' });
        await expect(registry.decide(proposal(sealing(), PARK), stopped)).rejects.toMatchObject({
          name: 'AbortError',
        });
        expect(await count('answers')).toBe(0);
      });
    });

    registryCampaignsContract({ registry: () => registry });
    registryParkedContract({ registry: () => registry, database: () => database });
    registryReconcilingContract(() => registry);
    registryRecordsContract({
      registry: () => registry,
      second: openAnother,
      database: () => database,
      oneWriter: () => world.oneWriter ?? false,
    });
  });
}

export function rowOf(decided: Decided) {
  if (decided.kind !== 'answered') throw new Error(`not answered: ${decided.kind}`);
  return decided.row;
}

/** The next transaction's reply to COMMIT never comes. */
function losingReply(database: SqlDatabase, committed: boolean): SqlDatabase {
  const lost = (): never => {
    throw new CallsealError('COMMIT_UNKNOWN', 'the reply to COMMIT was lost');
  };
  return {
    ...database,
    transaction: async <T>(tenant: string | undefined, work: (sql: Sql) => Promise<T>): Promise<T> => {
      await database.transaction(tenant, async (sql) => {
        await work(sql);
        if (!committed) lost();
      });
      return lost();
    },
  };
}

const TABLES = ['calls', 'attempts', 'open_intents', 'receipts', 'call_keys', 'answers', 'audit_events'];

async function allRows(database: SqlDatabase): Promise<unknown[]> {
  return await Promise.all(
    TABLES.map(async (table) => await acrossTenants(database).query(`select * from ${table}`)),
  );
}
