import { CallsealError, type Code } from '../../domain/errors.ts';
import { failureOf, type Meaning } from '../s3/failures.ts';

const CODE_OF: Readonly<Record<Meaning, Code>> = {
  missing: 'OBJECT_MISSING',
  exists: 'OBJECT_EXISTS',
  denied: 'STORE_DENIED',
  full: 'STORE_FULL',
  down: 'STORE_DOWN',
  'no-bucket': 'STORE_DOWN',
  'no-upload': 'STORE_DOWN',
  beyond: 'STORE_DOWN',
  unable: 'STORE_DENIED',
};

const MESSAGE_OF: Readonly<Record<Meaning, string>> = {
  missing: 'there is no object of that name',
  exists: 'an object has that name already',
  denied: 'the object store does not let us',
  full: 'the object store has no room left',
  down: 'the object store does not answer as it should',
  'no-bucket': 'the bucket of the object store is not there',
  'no-upload': 'the object store has lost an upload',
  beyond: 'the object store holds less than it said',
  unable: 'the object store refuses a request',
};

const HINT_OF: Partial<Record<Meaning, string>> = {
  denied: 'look at the credentials, their policy, expectedOwner and the clock: callseal doctor --connect',
  full: 'make room or raise the quota; sealing goes on by itself',
  'no-bucket': 'look at bucket, region and endpoint: callseal doctor --connect',
};

/** An error of the SDK or the connection as ours, without a name in it; everything else as it is. */
export function translated(error: unknown): unknown {
  const failure = failureOf(error);
  if (failure === undefined) return error;
  const { meaning, words, cause } = failure;
  const hint = HINT_OF[meaning];
  return new CallsealError(CODE_OF[meaning], `${MESSAGE_OF[meaning]} (${words})`, {
    ...(cause !== undefined && { cause }),
    ...(hint !== undefined && { hint }),
  });
}
