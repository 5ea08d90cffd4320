import { CallsealError, type Code, type Scope } from '../../domain/errors.ts';
import type { Bucket } from '../s3/bucket.ts';
import { failureOf, type Meaning } from '../s3/failures.ts';

/** A source: one key of one alias. */
export interface Place {
  readonly bucket: Bucket;
  readonly key: string;
  /** Whom it concerns when the bucket is away or says no. */
  readonly scope: Scope;
}

const CODE_OF: Readonly<Record<Meaning, Code>> = {
  missing: 'SOURCE_MISSING',
  // With `If-Match` that is another version; also one that is shorter than the range that was asked for.
  exists: 'SOURCE_CHANGED',
  beyond: 'SOURCE_CHANGED',
  denied: 'SOURCE_DENIED',
  unable: 'SOURCE_DENIED',
  down: 'SOURCE_DOWN',
  full: 'SOURCE_DOWN',
  'no-bucket': 'SOURCE_DOWN',
  'no-upload': 'SOURCE_DOWN',
};

const MESSAGE_OF: Partial<Record<Code, string>> = {
  SOURCE_MISSING: 'there is no source under the key of the event',
  SOURCE_CHANGED: 'the source changed while it was read',
  SOURCE_DENIED: 'the bucket of the source alias does not let us',
  SOURCE_DOWN: 'the bucket of the source alias does not answer as it should',
};

/** An error of the SDK or the connection as ours, without the key in it; everything else as it is. */
export function translated(error: unknown, scope: Scope): unknown {
  const failure = failureOf(error);
  if (failure === undefined) return error;
  const code = CODE_OF[failure.meaning];
  return new CallsealError(code, `${MESSAGE_OF[code] ?? code} (${failure.words})`, {
    ...(failure.cause !== undefined && { cause: failure.cause }),
    ...((code === 'SOURCE_DENIED' || code === 'SOURCE_DOWN') && { scope }),
  });
}
