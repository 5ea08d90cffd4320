import { CallsealError, type Code } from '../../domain/errors.ts';
import { errnoOf } from '../files/errno.ts';

/** Other system errors are STORE_DOWN. */
const CODE_OF: Readonly<Record<string, Code>> = {
  EEXIST: 'OBJECT_EXISTS',
  // An object stands where the name needs a folder.
  ENOTDIR: 'OBJECT_EXISTS',
  // A link, which is never followed and never ours.
  ELOOP: 'OBJECT_MISSING',
  ENOSPC: 'STORE_FULL',
  EDQUOT: 'STORE_FULL',
  EFBIG: 'STORE_FULL',
  EACCES: 'STORE_DENIED',
  EPERM: 'STORE_DENIED',
  EROFS: 'STORE_DENIED',
};

const MESSAGE_OF: Partial<Record<Code, string>> = {
  OBJECT_EXISTS: 'an object has that name already',
  OBJECT_MISSING: 'there is no object of that name',
  STORE_FULL: 'the object folder has no room left',
  STORE_DENIED: 'the object folder may not be read or written',
};

const HINT_OF: Partial<Record<Code, string>> = {
  STORE_FULL: 'make room or raise the quota; sealing goes on by itself',
  STORE_DENIED: 'the folder must belong to the user that runs callseal and stand on a writable disk',
};

/** A system error as ours; everything else (our own errors, an abort) as it is. */
export function translated(error: unknown): unknown {
  const errno = errnoOf(error);
  if (errno === undefined) return error;
  const code = CODE_OF[errno] ?? 'STORE_DOWN';
  const hint = HINT_OF[code];
  const message = MESSAGE_OF[code] ?? `the object folder failed: ${errno}`;
  return new CallsealError(code, message, { cause: error, ...(hint === undefined ? {} : { hint }) });
}
