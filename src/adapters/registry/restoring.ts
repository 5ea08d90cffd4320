import type { AuditFact } from '../../domain/audit-event.ts';
import { CallsealError } from '../../domain/errors.ts';
import { newUid } from '../../domain/ids.ts';
import type { Restoring } from '../../ports/registry.ts';
import { answered } from './answer-rows.ts';
import { factOfRow, insertFacts } from './audit-rows.ts';
import type { KnownEpoch } from './known-epoch.ts';
import { rejoinChain } from './rejoin-chain.ts';
import { int } from './rows.ts';
import { acrossTenants, type Sql, type SqlDatabase } from './sql.ts';
import { applyTombstone, readTombstones } from './tombstone-rows.ts';

export function restoring(database: SqlDatabase, known: KnownEpoch): Restoring {
  return {
    state: async (signal) => {
      signal.throwIfAborted();
      const [row] = await database.query('select epoch, went_back, head_seq from meta, relay');
      if (!row) throw new CallsealError('REGISTRY_DAMAGED', 'the registry has lost its own state row');
      const epoch = int(row, 'epoch');
      known.epoch ??= epoch;
      return {
        epoch,
        auditSeq: int(row, 'head_seq'),
        wentBack: int(row, 'went_back') !== 0,
      };
    },
    tombstones: async (signal, newest) => {
      signal.throwIfAborted();
      return await readTombstones(acrossTenants(database), newest);
    },
    declareWentBack: async (tombstones, fact, signal) => {
      signal.throwIfAborted();
      await database.transaction(undefined, async (sql) => {
        await raiseEpoch(sql);
        for (const tombstone of tombstones) await applyTombstone(sql, tombstone);
        await sql.query(
          `update attempts set state = 'unknown', ended_at = callseal_now() where state = 'open'`,
        );
        await closeAsUnknown(sql, fact);
        await insertFacts(sql, [fact]);
      });
      // Whoever declares it knows of it, and begins in the new epoch.
      known.epoch = undefined;
    },
    reapplyTombstones: async (tombstones, signal) => {
      signal.throwIfAborted();
      await beforeAccepting(database, async (sql) => {
        for (const tombstone of tombstones) await applyTombstone(sql, tombstone);
      });
    },
    rejoinChain: async (after, events, signal) => {
      signal.throwIfAborted();
      await beforeAccepting(database, async (sql) => await rejoinChain(sql, after, events));
    },
    answered: async (deliveries, signal) => {
      signal.throwIfAborted();
      return await answered(acrossTenants(database), deliveries);
    },
    acceptRestore: async (fact, signal) => {
      signal.throwIfAborted();
      await database.transaction(undefined, async (sql) => {
        const accepted = await sql.query('update meta set went_back = 0 where went_back = 1 returning id');
        if (accepted.length > 0) await insertFacts(sql, [fact]);
      });
    },
  };
}

/** A transaction that makes sense only while a restore waits for being accepted. */
async function beforeAccepting(database: SqlDatabase, work: (sql: Sql) => Promise<void>): Promise<void> {
  await database.transaction(undefined, async (sql) => {
    const waiting = await sql.query('select id from meta where went_back = 1');
    if (waiting.length === 0) throw new CallsealError('REFUSED', 'no restore waits for being accepted');
    await work(sql);
  });
}

/**
 * Above every epoch that this registry may have had in the life that was lost: the same backup can be restored
 * twice, so one more than before is not enough. Seconds of the database's clock are, since a restore takes longer
 * than clocks differ; and it never falls.
 */
async function raiseEpoch(sql: Sql): Promise<void> {
  await sql.query(
    `update meta set went_back = 1, epoch =
       case when epoch < callseal_now() / 1000 then callseal_now() / 1000 else epoch + 1 end`,
  );
}

async function closeAsUnknown(sql: Sql, { writer, time, actor }: AuditFact): Promise<void> {
  const dangling = await sql.query('delete from open_intents where attempt is not null returning fact');
  const ends = dangling.map((row): AuditFact => {
    const intent = factOfRow(row);
    const by = { eventUid: newUid(), intentUid: intent.eventUid, writer, time, actor };
    return { ...intent, ...by, outcome: { status: 'unknown' } };
  });
  await insertFacts(sql, ends);
}
