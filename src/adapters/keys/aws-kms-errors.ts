import { CallsealError, type Code, type Scope } from '../../domain/errors.ts';
import { answerFacts } from '../aws/answer-facts.ts';

/** What AWS KMS calls it. Other answers from status 500 on, and no answer, are KMS_DOWN; the rest is KMS_DENIED. */
const CODE_OF: Readonly<Record<string, Code>> = {
  DisabledException: 'KEY_DISABLED',
  NotFoundException: 'KEY_UNKNOWN',
  InvalidArnException: 'KEY_UNKNOWN',
  InvalidKeyUsageException: 'KEY_UNKNOWN', // a key that signs, for example
  UnsupportedOperationException: 'KEY_UNKNOWN',
  InvalidCiphertextException: 'NOT_AUTHENTIC',
  IncorrectKeyException: 'NOT_AUTHENTIC',
  ThrottlingException: 'KMS_THROTTLED',
  LimitExceededException: 'KMS_THROTTLED',
  KeyUnavailableException: 'KMS_DOWN',
  DependencyTimeoutException: 'KMS_DOWN',
  KMSInternalException: 'KMS_DOWN',
  AccessDeniedException: 'KMS_DENIED',
};

const MESSAGE_OF: Partial<Record<Code, string>> = {
  KEY_DISABLED: 'the KEK is disabled',
  KEY_PENDING_DELETION: 'the KEK is about to be deleted',
  KEY_UNKNOWN: 'the key service has no such KEK, or not of this kind',
  NOT_AUTHENTIC: 'a wrapped key is damaged, or of another context or KEK than its row says',
  KMS_THROTTLED: 'the key service wants fewer requests',
  KMS_DOWN: 'the key service does not answer as it should',
  KMS_DENIED: 'the key service does not let us',
};

const HINT_OF: Partial<Record<Code, string>> = {
  KEY_DISABLED: 'enable the key again: sealing goes on by itself',
  KEY_PENDING_DELETION: 'cancel its deletion and enable it, or everything under it is lost',
  KEY_UNKNOWN: 'look at the keks of the tenant and at the region',
  KMS_DENIED: 'look at the credentials, the key policy and the clock: callseal doctor --connect',
  KMS_THROTTLED: 'lower keys.requestsPerSecond, or ask AWS for a higher quota',
};

/** About one KEK, and so its tenant's alone. */
const OF_ONE_KEY: ReadonlySet<Code> = new Set([
  'KEY_DISABLED',
  'KEY_PENDING_DELETION',
  'KEY_UNKNOWN',
  'KMS_DENIED',
]);
/** Refusals of who we are, not of what we ask for: they concern everybody. */
const OF_THE_CALLER =
  /^(UnrecognizedClient|InvalidSignature|SignatureDoesNotMatch|IncompleteSignature|Expired|InvalidClientTokenId|MissingAuthentication|CredentialsProvider)/;

/**
 * An error of the SDK or the connection as ours, without an ARN in it; everything else as it is.
 *
 * @param tenant whose KEK it was; undefined for the KEKs of the system
 */
export function translated(error: unknown, tenant: string | undefined): unknown {
  if (!(error instanceof Error) || error instanceof CallsealError || error.name === 'AbortError')
    return error;
  const code = codeOf(error);
  if (code === undefined) return error;
  if (code === 'NOT_AUTHENTIC') return notAuthentic();
  const { hint, scope } = { hint: HINT_OF[code], scope: scopeOf(code, error, tenant) };
  return new CallsealError(code, `${MESSAGE_OF[code] ?? code} (${wordsOf(error)})`, {
    ...(hint !== undefined && { hint }),
    ...(scope !== undefined && { scope }),
    // The connection's error only: the text of an answer quotes ARNs and accounts.
    ...(answerFacts(error).status === undefined && { cause: error }),
  });
}

/** No cause on purpose: why it failed must not reach a log or a caller. */
export function notAuthentic(): CallsealError {
  return new CallsealError('NOT_AUTHENTIC', MESSAGE_OF.NOT_AUTHENTIC ?? '');
}

function codeOf(error: Error): Code | undefined {
  // It has no field for the state, and covers more than one.
  if (error.name === 'KMSInvalidStateException') {
    return /pending (replica )?deletion/i.test(error.message) ? 'KEY_PENDING_DELETION' : 'KEY_DISABLED';
  }
  const known = CODE_OF[error.name];
  if (known !== undefined) return known;
  if (OF_THE_CALLER.test(error.name)) return 'KMS_DENIED';
  const { status } = answerFacts(error);
  if (status !== undefined)
    return status >= 500 ? 'KMS_DOWN' : status === 429 ? 'KMS_THROTTLED' : 'KMS_DENIED';
  return 'code' in error && typeof error.code === 'string' ? 'KMS_DOWN' : undefined;
}

function scopeOf(code: Code, error: Error, tenant: string | undefined): Scope | undefined {
  const isOfOneKey = OF_ONE_KEY.has(code) && !OF_THE_CALLER.test(error.name);
  const isUnavailable = error.name === 'KeyUnavailableException';
  return tenant !== undefined && (isOfOneKey || isUnavailable) ? { tenant } : undefined;
}

function wordsOf(error: Error): string {
  const { requestId } = answerFacts(error);
  const errno = 'code' in error && typeof error.code === 'string' ? error.code : undefined;
  const name = errno ?? (/^[A-Za-z]{1,64}$/.test(error.name) ? error.name : 'unknown');
  return requestId === undefined ? name : `${name}, request ${requestId}`;
}
