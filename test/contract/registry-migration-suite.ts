import type { ColumnTypes } from '../../src/adapters/registry/migrate.ts';
import { registryTables } from '../../src/adapters/registry/migrations/0001-registry.ts';
import type { SqlDatabase } from '../../src/adapters/registry/sql.ts';
import { sqlRegistry } from '../../src/adapters/registry/sql-registry.ts';
import { never } from './registry-proposals.ts';

const PARK = {
  code: 'EVENT_SHAPE',
  stage: 'decode',
  disposition: 'park',
  fingerprint: 'ab'.repeat(32),
  counted: 1,
  firstFailedAt: '2026-11-20T10:00:00.000Z',
};

/** Tables of the first release, with one parked answer of a tenant and one of nobody's. */
export async function firstRelease(database: SqlDatabase, types: ColumnTypes): Promise<void> {
  await database.transaction(undefined, async (sql) => {
    await sql.query('create table registry_versions (version bigint primary key)');
    for (const statement of registryTables(types)) await sql.query(statement);
    await sql.query('insert into registry_versions (version) values (1)');
    for (const [offset, tenant] of [
      [0, 't-1'],
      [1, null],
    ] as const) {
      await sql.query(
        `insert into answers (origin_topic, origin_partition, origin_offset, replay, uid, arrival_topic,
           arrival_partition, arrival_offset, delivered_digest, answer, code, tenant, answer_epoch, park, decided_at)
         values ('in', 0, $1, 0, $2, 'in', 0, $1, 'd', 'parked', 'EVENT_SHAPE', $3, 1, $4, $5)`,
        [offset, `a-${offset}`, tenant, JSON.stringify(PARK), '2026-11-20T10:00:00.000Z'],
      );
    }
  });
}

/** What an operator finds of them after the migration: uid, tenant, replays. */
export async function found(database: SqlDatabase): Promise<unknown[][]> {
  const filter = { stage: 'decode', fingerprint: 'abab', state: 'waiting' } as const;
  const parked = await sqlRegistry(database).parked(filter, { newSince: '2026', limit: 9 }, never);
  return parked.map(({ answer: { uid, tenant }, replays }) => [uid, tenant, replays]);
}

export const WHAT_IS_FOUND = [
  ['a-0', 't-1', 0],
  ['a-1', undefined, 0],
];
