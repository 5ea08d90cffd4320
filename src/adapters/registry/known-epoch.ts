import { CallsealError } from '../../domain/errors.ts';
import { restoreNotAccepted } from '../../domain/restore-not-accepted.ts';
import { int } from './rows.ts';
import type { SqlRow } from './sql.ts';

/**
 * A registry handle lives in the epoch that it met first. A process that was there before a restore holds arrivals,
 * call uids and attempts of a life that the registry has forgotten: an answer that it gave now would have an arrival
 * that nobody settles any more, and so would never be published. It has to start anew.
 */
export interface KnownEpoch {
  epoch: number | undefined;
}

/**
 * Looks at `epoch` and `went_back` of a row that the transaction has read.
 *
 * @throws CallsealError REGISTRY_WENT_BACK
 */
export function refuseOtherEpoch(known: KnownEpoch, row: SqlRow): number {
  const epoch = int(row, 'epoch');
  if (int(row, 'went_back') !== 0) throw restoreNotAccepted();
  known.epoch ??= epoch;
  if (known.epoch === epoch) return epoch;
  throw new CallsealError('REGISTRY_WENT_BACK', 'the registry was restored while this process was running', {
    hint: 'callseal registry status says whether the restore is accepted; then start this process again',
  });
}
