import { AUDIT_SCHEMA, type AuditEvent, chainEvent } from '../../domain/audit-event.ts';
import { CallsealError } from '../../domain/errors.ts';
import type { AuditLog } from '../../ports/registry.ts';
import { closeIntents, factOfRow, insertFacts, insertIntents } from './audit-rows.ts';
import { registryEpoch } from './call-row.ts';
import type { KnownEpoch } from './known-epoch.ts';
import { int, text } from './rows.ts';
import type { Sql, SqlDatabase, SqlRow } from './sql.ts';

/** Rows that `chain` reads at a time. */
const CHAIN_PAGE = 500;

export function auditLog(database: SqlDatabase, known: KnownEpoch): AuditLog {
  const chained = async (afterSeq: number, limit: number): Promise<AuditEvent[]> => {
    const rows = await database.query(
      'select fact, seq, prev, hash from audit_events where seq > $1 order by seq limit $2',
      [afterSeq, limit],
    );
    return rows.map(eventOfRow);
  };
  return {
    append: async (facts, signal) => {
      signal.throwIfAborted();
      await insertFacts(database, facts);
    },
    openIntent: async (intent, signal) => {
      signal.throwIfAborted();
      await database.transaction(undefined, async (sql) => await insertIntents(sql, [intent], undefined));
    },
    closeIntent: async (end, signal) => {
      signal.throwIfAborted();
      await database.transaction(undefined, async (sql) => await closeIntents(sql, [end]));
    },
    addReason: async ({ eventUid, keyName, sealed }, signal) => {
      signal.throwIfAborted();
      await database.query(
        `insert into sealed_reasons (event_uid, key_name, sealed) values ($1, $2, $3)
         on conflict (event_uid) do nothing`,
        [eventUid, keyName, sealed],
      );
    },
    leaseRelay: async (holder, ttlMs, signal) => {
      signal.throwIfAborted();
      return await leaseRelay(database, known, { holder, ttlMs });
    },
    releaseRelay: async (holder, signal) => {
      signal.throwIfAborted();
      await database.query('update relay set lease_until = 0 where holder = $1', [holder]);
    },
    sequence: async (fence, limit, signal) => {
      signal.throwIfAborted();
      return await sequence(database, known, { fence, limit });
    },
    unpublished: async (limit, signal) => {
      signal.throwIfAborted();
      const [relay] = await database.query('select published_seq from relay');
      return await chained(relay ? int(relay, 'published_seq') : 0, limit);
    },
    markPublished: async (fence, throughSeq, signal) => {
      signal.throwIfAborted();
      await database.transaction(undefined, async (sql) => {
        await registryEpoch(sql, known);
        const marked = await sql.query(
          `update relay set published_seq = case when published_seq < $2 then $2 else published_seq end
           where fence = $1 returning fence`,
          [fence, throughSeq],
        );
        if (marked.length === 0) throw fenced();
      });
    },
    async *chain(fromSeq, signal) {
      let after = fromSeq - 1;
      while (true) {
        signal.throwIfAborted();
        const events = await chained(after, CHAIN_PAGE);
        yield* events;
        const last = events.at(-1);
        if (!last) return;
        after = last.seq;
      }
    },
    pending: async (signal) => {
      signal.throwIfAborted();
      const [row] = await database.query(
        `select (select count(*) from audit_events where seq is null) as unsequenced,
           (select head_seq - published_seq from relay) as unpublished`,
      );
      return row
        ? { unsequenced: int(row, 'unsequenced'), unpublished: int(row, 'unpublished') }
        : { unsequenced: 0, unpublished: 0 };
    },
  };
}

/** The same holder renews and keeps its number; anybody else waits until the lease has run out, and gets the next. */
async function leaseRelay(
  database: SqlDatabase,
  known: KnownEpoch,
  { holder, ttlMs }: { readonly holder: string; readonly ttlMs: number },
): Promise<number | undefined> {
  return await database.transaction(undefined, async (sql) => {
    // A number of before a restore may be given again after it: the epoch tells whose it is.
    await registryEpoch(sql, known);
    const [row] = await sql.query(
      `update relay set holder = $1, lease_until = callseal_now() + $2,
         fence = case when holder = $1 then fence else fence + 1 end
       where holder = $1 or lease_until <= callseal_now() returning fence`,
      [holder, ttlMs],
    );
    return row && int(row, 'fence');
  });
}

/** Row number, seq, hash of the event before, own hash. */
type Link = readonly [number, number, string, string];

/** One statement for each would take longer than the lease where the database is far or busy. */
const LINKS_AT_ONCE = 50;

async function writeLinks(sql: Sql, links: readonly Link[]): Promise<void> {
  const rows = links.map((_, i) => {
    const [row, seq, prev, hash] = [1, 2, 3, 4].map((n) => `$${4 * i + n}`);
    return `(cast(${row} as bigint), cast(${seq} as bigint), ${prev}, ${hash})`;
  });
  await sql.query(
    `with link (number, seq, prev, hash) as (values ${rows.join(', ')})
     update audit_events set seq = link.seq, prev = link.prev, hash = link.hash
     from link where row_number = link.number`,
    links.flat(),
  );
}

/**
 * Rows are found by `seq is null`, never by number: a transaction that took its row numbers early may commit late.
 * The relay row is locked first, so the chain has one head and one who adds to it.
 */
async function sequence(
  database: SqlDatabase,
  known: KnownEpoch,
  { fence, limit }: { readonly fence: number; readonly limit: number },
): Promise<number> {
  return await database.transaction(undefined, async (sql) => {
    await registryEpoch(sql, known);
    const [relay] = await sql.query(
      'update relay set fence = fence where fence = $1 returning head_seq, head_hash',
      [fence],
    );
    if (!relay) throw fenced();
    const rows = await sql.query(
      'select row_number, fact from audit_events where seq is null order by row_number limit $1',
      [limit],
    );
    let seq = int(relay, 'head_seq');
    let head = text(relay, 'head_hash');
    const links = rows.map((row): Link => {
      const [prev, event] = [head, chainEvent(text(row, 'fact'), ++seq, head)];
      head = event.hash;
      return [int(row, 'row_number'), seq, prev, head];
    });
    for (let at = 0; at < links.length; at += LINKS_AT_ONCE) {
      await writeLinks(sql, links.slice(at, at + LINKS_AT_ONCE));
    }
    await sql.query('update relay set head_seq = $1, head_hash = $2', [seq, head]);
    return rows.length;
  });
}

/** As it stands in the table, also where that is wrong: finding out is `audit verify`'s. */
function eventOfRow(row: SqlRow): AuditEvent {
  const fact = factOfRow(row);
  return {
    ...fact,
    schema: AUDIT_SCHEMA,
    seq: int(row, 'seq'),
    prev: text(row, 'prev'),
    hash: text(row, 'hash'),
  };
}

function fenced(): CallsealError {
  return new CallsealError('FENCED', 'another relay has taken the audit lease over');
}
