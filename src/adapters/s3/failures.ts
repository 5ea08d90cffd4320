import { CallsealError } from '../../domain/errors.ts';
import { answerFacts } from '../aws/answer-facts.ts';

/** What a store's refusal means, whatever it is called there. */
export type Meaning =
  | 'missing'
  | 'no-bucket'
  | 'no-upload'
  | 'exists'
  | 'beyond'
  | 'denied'
  | 'full'
  | 'unable'
  | 'down';

export interface Failure {
  readonly meaning: Meaning;
  /** In words without names: an error code and status, or an errno. */
  readonly words: string;
  /** The same request may do better in a moment. */
  readonly again: boolean;
  /** The store may have done it all the same. */
  readonly unknown: boolean;
  /** An error of the connection. Never the SDK's: its text quotes keys, and a source's key is not ours to log. */
  readonly cause?: unknown;
}

/** By code first: it says more than the status. */
const BY_CODE: Readonly<Record<string, Meaning>> = {
  NoSuchKey: 'missing',
  NoSuchVersion: 'missing',
  NotFound: 'missing',
  // A name below that of an object: a store on a file system has no such folder.
  ObjectParentIsFile: 'missing',
  KeyTooLongError: 'missing',
  NoSuchBucket: 'no-bucket',
  NoSuchUpload: 'no-upload',
  PreconditionFailed: 'exists',
  InvalidRange: 'beyond',
  QuotaExceeded: 'full',
  InsufficientStorage: 'full',
  XMinioStorageFull: 'full',
  // Hurt or cut on the way: the same bytes go again.
  BadDigest: 'down',
  IncompleteBody: 'down',
  XAmzContentChecksumMismatch: 'down',
  RequestTimeout: 'down',
  ConditionalRequestConflict: 'down',
  OperationAborted: 'down',
};

const BY_STATUS: Readonly<Record<number, Meaning>> = {
  401: 'denied',
  403: 'denied',
  404: 'missing',
  409: 'down',
  412: 'exists',
  416: 'beyond',
  429: 'down',
  507: 'full',
};

/** @returns undefined for an error that is not the store's: ours, an abort, a bug. */
export function failureOf(error: unknown): Failure | undefined {
  if (!(error instanceof Error) || error instanceof CallsealError) return undefined;
  const { status } = answerFacts(error);
  if (status === undefined) return connectionFailure(error);
  const meaning = BY_CODE[error.name] ?? BY_STATUS[status] ?? (status >= 500 ? 'down' : 'unable');
  return {
    meaning: status === 501 ? 'unable' : meaning,
    words: /^[A-Za-z]{1,64}$/.test(error.name) ? `${error.name}, status ${status}` : `status ${status}`,
    again: meaning === 'down' && status !== 501,
    unknown: status >= 500,
  };
}

function connectionFailure(error: Error): Failure | undefined {
  if (error.name === 'CredentialsProviderError') {
    return { meaning: 'denied', words: 'no credentials were found', again: false, unknown: false };
  }
  // An errno of the socket, or a code of TLS.
  const code = 'code' in error && typeof error.code === 'string' ? error.code : undefined;
  if (code === undefined || error.name === 'AbortError') return undefined;
  const distrusted = /CERT|ALTNAME|SIGNATURE|ISSUER/.test(code);
  return { meaning: 'down', words: code, again: !distrusted, unknown: !distrusted, cause: error };
}
