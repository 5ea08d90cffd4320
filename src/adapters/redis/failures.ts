import { CallsealError } from '../../domain/errors.ts';

/** How a reply of Redis begins, and what it means. What is not here is an outage. */
const REPLIES: readonly (readonly [form: RegExp, says: string, hint: string])[] = [
  [
    /^(WRONGPASS|NOAUTH)/,
    'Redis does not know this user and password',
    'look at jobs.user and jobs.passwordFile',
  ],
  [/^NOPERM/, 'Redis lets this user do too little', 'the ACL that is enough stands in docs/jobs.md'],
];
/** Node.js's codes for a certificate that is not believed, and OpenSSL's for no common TLS version. */
const NOT_BELIEVED = /^(CERT_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_|ERR_TLS_CERT_|ERR_SSL_|UNKNOWN_CA|EPROTO$)/;

/**
 * What a client says, as an error of ours: `BAD_CONFIG` where waiting cannot help, else `JOBS_DOWN`. A message of Redis
 * is never quoted and no reply is a cause: it holds what was sent, the password too.
 */
export function redisFailure(error: unknown): CallsealError {
  if (error instanceof CallsealError) return error;
  const { message, code } = wordsOf(error);
  const [, says, hint] = REPLIES.find(([form]) => form.test(message)) ?? [];
  if (says !== undefined && hint !== undefined) {
    return new CallsealError('BAD_CONFIG', says, { hint });
  }
  if (NOT_BELIEVED.test(code)) {
    return new CallsealError('BAD_CONFIG', `no TLS with Redis that can be believed (${code})`, {
      hint: 'jobs.ca must hold the authority that signed its certificate, and it must speak TLS 1.3',
      cause: error,
    });
  }
  if (message.startsWith('OOM')) return new CallsealError('JOBS_DOWN', 'Redis is full');
  if (isReply(error)) return new CallsealError('JOBS_DOWN', 'Redis refuses what was asked');
  return new CallsealError('JOBS_DOWN', 'Redis is away', { cause: error });
}

function isReply(error: unknown): boolean {
  return error instanceof Error && error.name === 'ReplyError';
}

function wordsOf(error: unknown): { readonly message: string; readonly code: string } {
  if (!(error instanceof Error)) return { message: '', code: '' };
  if ('lastNodeError' in error || error.name === 'MaxRetriesPerRequestError') {
    return wordsOf('lastNodeError' in error ? error.lastNodeError : error.cause);
  }
  return {
    message: error.message,
    code: 'code' in error && typeof error.code === 'string' ? error.code : '',
  };
}
