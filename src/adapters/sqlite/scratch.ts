import { DatabaseSync } from 'node:sqlite';
import type { Scratch, ScratchMap } from '../../ports/scratch.ts';

/** Pages in memory; what is more lies in a file without a name in SQLite's temporary folder (`SQLITE_TMPDIR`). */
const CACHE_KIB = 16 * 1024;

/** A database that SQLite deletes as it makes it: nothing is left of it, whatever ends the process. */
export function openScratch(): Scratch {
  const database = new DatabaseSync('');
  database.exec(
    `pragma cache_size = -${CACHE_KIB}; pragma temp_store = file; pragma journal_mode = off; pragma synchronous = off`,
  );
  // One transaction that never ends: each commit would write out what the cache still has room for.
  database.exec('begin');
  let tables = 0;
  const made = new Map<string, string>();
  return {
    map: <Value>(name: string) => {
      const table = made.get(name) ?? `scratch_${tables++}`;
      if (!made.has(name))
        database.exec(`create table ${table} (key text primary key, value text not null) without rowid`);
      made.set(name, table);
      return scratchMap<Value>(database, table);
    },
    close: () => database.close(),
  };
}

function scratchMap<Value>(database: DatabaseSync, table: string): ScratchMap<Value> {
  const get = database.prepare(`select value from ${table} where key = ?`);
  const set = database.prepare(`insert or replace into ${table} (key, value) values (?, ?)`);
  const remove = database.prepare(`delete from ${table} where key = ?`);
  const all = database.prepare(`select key, value from ${table}`);
  const valueOf = (row: Readonly<Record<string, unknown>>): Value => JSON.parse(String(row['value']));
  return {
    get: (key) => {
      const row = get.get(key);
      return row && valueOf(row);
    },
    set: (key, value) => void set.run(key, JSON.stringify(value)),
    delete: (key) => void remove.run(key),
    *entries() {
      for (const row of all.iterate()) yield [String(row['key']), valueOf(row)] as const;
    },
  };
}
