import { CallsealError } from '../../domain/errors.ts';
import type { InboxSkip } from '../../ports/inbox-skip.ts';

/** A record of the embedded inbox is a row, never compressed: nothing stands still there, so nothing is skipped. */
export function openSqliteSkip(): InboxSkip {
  const refuse = async (): Promise<never> => {
    throw new CallsealError('REFUSED', 'a record of the embedded inbox can always be read: nothing to skip', {
      hint: 'callseal status shows what waits and why',
    });
  };
  return { look: refuse, skip: refuse, close: async () => undefined };
}
