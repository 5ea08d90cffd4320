import { CallsealError } from './errors.ts';

/** What everybody hears between a restore of the registry and its being accepted. */
export function restoreNotAccepted(): CallsealError {
  return new CallsealError(
    'REGISTRY_WENT_BACK',
    'the registry was restored and its restore is not accepted yet',
    { hint: 'callseal registry status says what to do; docs/runbooks/postgres-failover-and-restore.md' },
  );
}
