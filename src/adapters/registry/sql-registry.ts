import { RULES, type Rule } from '../../domain/decide.ts';
import type { Registry } from '../../ports/registry.ts';
import { auditLog } from './audit-log.ts';
import { campaigns } from './campaigns.ts';
import { catalogue } from './catalogue.ts';
import { decisions } from './decisions.ts';
import { intakePauses } from './intake-pauses.ts';
import type { KnownEpoch } from './known-epoch.ts';
import { ledger } from './ledger.ts';
import { parkedLedger } from './parked-ledger.ts';
import { reconciling } from './reconciling.ts';
import { restoring } from './restoring.ts';
import type { SqlDatabase } from './sql.ts';
import { sweeping } from './sweeping.ts';

export interface SqlRegistryOptions {
  /** The rules of the decision; only the model test, which proves that each is needed, gives others. */
  readonly rules?: readonly Rule[];
}

/**
 * The registry on any database that `sql.ts` describes; its tables must be there (`migrate`). Statements are plain
 * enough for SQLite and PostgreSQL: locks are taken by writing (`insert … on conflict do update`,
 * `update … returning`), always the call first, then its attempt.
 */
export function sqlRegistry(database: SqlDatabase, { rules = RULES }: SqlRegistryOptions = {}): Registry {
  const known: KnownEpoch = { epoch: undefined };
  return {
    ...decisions(database, { rules, known }),
    ...catalogue(database),
    ...auditLog(database, known),
    ...sweeping(database, known),
    ...ledger(database),
    ...parkedLedger(database),
    ...intakePauses(database),
    ...reconciling(database),
    ...campaigns(database, known),
    ...restoring(database, known),
    close: async () => await database.close(),
  };
}
