import { KEY_CLASSES, type KeyClass } from '../../domain/artifacts.ts';
import { ATTEMPT_STATES, type CallState } from '../../domain/decide.ts';
import { CallsealError } from '../../domain/errors.ts';
import { newUid } from '../../domain/ids.ts';
import type { Receipt } from '../../domain/receipts.ts';
import { type KnownEpoch, refuseOtherEpoch } from './known-epoch.ts';
import { int, intOrNone, text, textOrNone, wordOrNone } from './rows.ts';
import { receiptOfRow } from './sealed-rows.ts';
import type { Sql, SqlRow } from './sql.ts';

export interface LockedCall {
  readonly callUid: string;
  /** The call's version under this lock: the sequence of whatever is decided under it. */
  readonly sequence: number;
  readonly epoch: number;
}

/**
 * Locks the call to the end of the transaction, and makes its row where it is missing. Everything that the
 * transaction reads afterwards is what the lock's previous holder left.
 *
 * @throws CallsealError REGISTRY_WENT_BACK
 */
export async function lockCall(
  sql: Sql,
  known: KnownEpoch,
  tenant: string,
  call: string,
): Promise<LockedCall> {
  const [row] = await sql.query(
    `insert into calls (tenant, call, call_uid, version) values ($1, $2, $3, 1)
     on conflict (tenant, call) do update set version = calls.version + 1
     returning call_uid, version,
       (select epoch from meta) as epoch, (select went_back from meta) as went_back`,
    [tenant, call, newUid()],
  );
  if (!row) throw new CallsealError('BUG', 'an upsert returned no row');
  const epoch = refuseOtherEpoch(known, row);
  return { callUid: text(row, 'call_uid'), sequence: int(row, 'version'), epoch };
}

/** @throws CallsealError REGISTRY_WENT_BACK */
export async function registryEpoch(sql: Sql, known: KnownEpoch): Promise<number> {
  const [row] = await sql.query('select epoch, went_back from meta');
  if (!row) throw new CallsealError('REGISTRY_DAMAGED', 'the registry has lost its own state row');
  return refuseOtherEpoch(known, row);
}

export interface FoundCall {
  readonly callUid: string;
  readonly state: Omit<CallState, 'carriedStillThere'>;
  /** The current receipt. */
  readonly receipt: Receipt | undefined;
}

/** @returns undefined where the call has no row yet */
export async function readCall(
  sql: Sql,
  asked: { readonly tenant: string; readonly call: string; readonly revision: number },
  attempt?: string,
): Promise<FoundCall | undefined> {
  const [row] = await sql.query(
    `select c.call_uid, c.current_revision, c.current_generation, c.denied_revision, r.receipt,
       (select string_agg(t.key_class, ' ') from tombstones t
         where t.tenant = c.tenant and t.call in (c.call, '*')) as shredded_classes,
       (select max(d.event_digest) from receipts d
         where d.tenant = c.tenant and d.call = c.call and d.revision = $3) as event_digest,
       (select a.state from attempts a
         where a.uid = $4 and a.tenant = c.tenant and a.call = c.call) as attempt
     from calls c
     left join receipts r on r.tenant = c.tenant and r.call = c.call
       and r.revision = c.current_revision and r.generation = c.current_generation
     where c.tenant = $1 and c.call = $2`,
    [asked.tenant, asked.call, asked.revision, attempt ?? ''],
  );
  return row && foundCall(row);
}

function foundCall(row: SqlRow): FoundCall {
  const shredded = (textOrNone(row, 'shredded_classes') ?? '').split(' ');
  const revision = intOrNone(row, 'current_revision');
  const generation = intOrNone(row, 'current_generation');
  return {
    callUid: text(row, 'call_uid'),
    receipt: textOrNone(row, 'receipt') === undefined ? undefined : receiptOfRow(row),
    state: {
      shredded: shredded.includes('*'),
      shreddedClasses: KEY_CLASSES.filter((keyClass: KeyClass) => shredded.includes(keyClass)),
      current: revision === undefined || generation === undefined ? undefined : { revision, generation },
      deniedRevision: intOrNone(row, 'denied_revision'),
      receiptEventDigest: textOrNone(row, 'event_digest'),
      attempt: wordOrNone(row, 'attempt', ATTEMPT_STATES),
    },
  };
}
