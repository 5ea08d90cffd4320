import { CallsealError } from '../../domain/errors.ts';
import { isSourceKey } from '../../domain/source-key.ts';

/**
 * The worker checked the key already; an adapter that turns it into a path does not rely on that.
 *
 * @throws CallsealError SOURCE_KEY_FORBIDDEN - without the key: it comes from outside and may be anything
 */
export function checkSourceKey(key: string): void {
  if (!isSourceKey(key)) {
    throw new CallsealError('SOURCE_KEY_FORBIDDEN', 'the source key is not a plain relative name');
  }
}
