import { KEY_CLASSES, type KeyClass } from '../../domain/artifacts.ts';
import { CallsealError } from '../../domain/errors.ts';
import { attemptPrefix } from '../../domain/object-names.ts';
import type { Receipt, SealedArtifact, WrappedKey } from '../../domain/receipts.ts';
import { bytes, placeholders, text, texts, word } from './rows.ts';
import type { Sql, SqlRow } from './sql.ts';

/** What a winner leaves: its receipt and its wrapped keys, never one without the other. */
export async function insertSealed(sql: Sql, receipt: Receipt, keys: readonly WrappedKey[]): Promise<void> {
  const { tenant, call, revision, generation } = receipt;
  await sql.query(
    `insert into receipts (tenant, call, revision, generation, attempt, event_digest, sealed_at, artifacts,
       sealed_bytes, warnings, receipt)
     values ${placeholders(1, 11)}`,
    [
      tenant,
      call,
      revision,
      generation,
      receipt.attempt,
      receipt.eventDigest,
      receipt.sealedAt,
      receipt.artifacts.length,
      receipt.artifacts.reduce((sum, artifact) => sum + artifact.sealedBytes, 0),
      warningsOf(receipt),
      JSON.stringify(receipt),
    ],
  );
  await insertKeys(sql, receipt, keys);
  await sql.query(
    'update calls set current_revision = $3, current_generation = $4 where tenant = $1 and call = $2',
    [tenant, call, revision, generation],
  );
}

function warningsOf(receipt: Receipt): number {
  return receipt.artifacts.reduce((sum, { warnings }) => sum + warnings.length, receipt.warnings.length);
}

async function insertKeys(sql: Sql, { tenant, call }: Receipt, keys: readonly WrappedKey[]): Promise<void> {
  if (keys.length === 0) return;
  await sql.query(
    `insert into call_keys (name, tenant, call, key_class, attempt, wrapped, kek, material_id, context, created_at)
     values ${placeholders(keys.length, 10)}`,
    keys.flatMap((key) => [
      key.name,
      tenant,
      call,
      key.keyClass,
      key.attempt,
      key.wrapped,
      key.kek,
      key.materialId,
      JSON.stringify(key.context),
      key.createdAt,
    ]),
  );
}

export async function keysOf(
  sql: Sql,
  { tenant, call }: { readonly tenant: string; readonly call: string },
): Promise<WrappedKey[]> {
  const rows = await sql.query('select * from call_keys where tenant = $1 and call = $2', [tenant, call]);
  return rows.map(keyOfRow);
}

export function keyOfRow(row: SqlRow): WrappedKey {
  return {
    name: text(row, 'name'),
    keyClass: word(row, 'key_class', KEY_CLASSES),
    attempt: text(row, 'attempt'),
    wrapped: bytes(row, 'wrapped'),
    kek: text(row, 'kek'),
    materialId: text(row, 'material_id'),
    context: texts(row, 'context'),
    createdAt: text(row, 'created_at'),
  };
}

export function receiptOfRow(row: SqlRow): Receipt {
  const receipt: Receipt = JSON.parse(text(row, 'receipt'));
  return receipt;
}

export function isCarried(artifact: SealedArtifact): boolean {
  return artifact.carriedFrom !== undefined;
}

/** Whether every carried-over artifact stands in the current receipt as the same object, under a key that exists. */
export function carriedStillThere(
  receipt: Receipt,
  current: Receipt | undefined,
  keys: readonly WrappedKey[],
): boolean {
  return receipt.artifacts.filter(isCarried).every((carried) => {
    const there = current?.artifacts.find(({ id }) => id === carried.id);
    return (
      there?.object === carried.object &&
      there.keyName === carried.keyName &&
      keys.some(({ name }) => name === carried.keyName)
    );
  });
}

/** The receipt without artifacts of classes that were shredded for this call; the same one where there are none. */
export function withoutClasses(receipt: Receipt, shredded: readonly KeyClass[]): Receipt {
  const artifacts = receipt.artifacts.filter(({ keyClass }) => !shredded.includes(keyClass));
  if (artifacts.length === receipt.artifacts.length) return receipt;
  return { ...receipt, artifacts, warnings: [...receipt.warnings, 'CLASS_SHREDDED'] };
}

/**
 * The sweep and `isNamed` find an object's receipt by its name, and a shred finds keys by call: a receipt that named
 * an object or a key of somebody else would put either out of their sight.
 *
 * @throws CallsealError BUG
 */
export function refuseForeignObjects(
  receipt: Receipt,
  asked: {
    readonly attempt: string;
    readonly tenant: string;
    readonly call: string;
    readonly callUid: string;
  },
  keys: readonly WrappedKey[],
): void {
  const prefix = attemptPrefix(asked.tenant, asked.callUid, asked.attempt);
  const own = receipt.artifacts.filter((artifact) => !isCarried(artifact));
  const fits =
    receipt.tenant === asked.tenant &&
    receipt.call === asked.call &&
    receipt.callUid === asked.callUid &&
    receipt.attempt === asked.attempt &&
    keys.every(({ attempt }) => attempt === asked.attempt) &&
    own.every(
      ({ object, keyName, keyClass }) =>
        object.startsWith(prefix) && keys.some((key) => key.name === keyName && key.keyClass === keyClass),
    );
  if (!fits)
    throw new CallsealError('BUG', 'a receipt names an object or a key that its attempt did not make');
}
