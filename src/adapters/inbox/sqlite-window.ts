import type { SqlDatabase, SqlRow, SqlValue } from '../registry/sql.ts';
import type { LaneItem, Lanes } from './lanes.ts';

/** A waiting record: its place, not its body. */
export interface WaitingItem extends LaneItem {
  readonly topic: string;
  readonly offset: number;
}

/**
 * Waiting records of one tenant that a run holds in memory (about 200 bytes each). Where that many wait for a paused
 * dependency, the rest of their tenant waits with them; other tenants do not notice.
 */
const WINDOW = 4096;
const CHUNK = 256;

/**
 * Fills lanes from `waiting_records`, tenant by tenant, so a long backlog of one tenant hides nobody. It keeps no
 * cursor: what is due and not yet known is found again at every look, so no record can be stepped over.
 *
 * @param inputs - the topics to read
 */
export function createWindow(database: SqlDatabase, inputs: readonly string[]) {
  const texts = waitingIn(inputs);
  /** Tenants that may have more in the table than was read. */
  const unread = new Set<string>();

  const readTenant = async (lanes: Lanes<WaitingItem>, tenant: string): Promise<void> => {
    const { known, blocked } = lanes.countOf(tenant);
    if (known >= WINDOW || known - blocked > CHUNK / 2) return;
    const limit = known + CHUNK;
    const now = await database.query(texts.now, [tenant, limit, ...inputs]);
    const later = await database.query(texts.later, [tenant, limit, ...inputs]);
    for (const row of [...now, ...later]) lanes.add(itemOf(row));
    if (now.length < limit && later.length < limit) unread.delete(tenant);
  };

  return async (lanes: Lanes<WaitingItem>, look: boolean): Promise<void> => {
    if (look) {
      const rows = [...(await database.query(TENANTS_NOW)), ...(await database.query(TENANTS_LATER))];
      for (const row of rows) unread.add(String(row['tenant']));
    }
    for (const tenant of unread) await readTenant(lanes, tenant);
  };
}

/** $1 tenant, $2 limit, then the topics. */
function waitingIn(inputs: readonly string[]): { readonly now: string; readonly later: string } {
  const ours = `topic in (${inputs.map((_, i) => `$${i + 3}`).join(', ')})`;
  const waiting = `select seq, topic, record_offset, key, bytes from waiting_records where tenant = $1 and ${ours}`;
  return {
    now: `${waiting} and due_at is null order by seq limit $2`,
    later: `${waiting} and due_at is not null and due_at <= callseal_now() order by due_at, seq limit $2`,
  };
}

/** Jumps from tenant to tenant in the index; `distinct` would walk over every row of it. */
const tenantsWhere = (condition: string): string => `
  with recursive tenants (tenant) as (
    select min(tenant) from waiting_records where ${condition}
    union all
    select (select min(tenant) from waiting_records where ${condition} and tenant > tenants.tenant)
    from tenants where tenants.tenant is not null
  )
  select tenant from tenants where tenant is not null`;
const TENANTS_NOW = tenantsWhere('due_at is null');
const TENANTS_LATER = tenantsWhere('due_at is not null');

function itemOf(row: SqlRow): WaitingItem {
  const key: SqlValue | undefined = row['key'];
  return {
    id: Number(row['seq']),
    key: typeof key === 'string' ? key : undefined,
    bytes: Number(row['bytes']),
    topic: String(row['topic']),
    offset: Number(row['record_offset']),
  };
}
