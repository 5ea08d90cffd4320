/**
 * What a failure does to a delivery (docs/architecture.md, "Errors decide what happens"):
 *
 *   pause   intake stops for what is concerned, nothing is parked, no attempt is counted
 *   retry   a few times in place, then the retry topic, after `retry.giveUpAfter` parked
 *   park    the event or its artifact is at fault and will be for ever
 *   stop    we are leaving or were fenced: no settle, the delivery comes again
 *   bug     unknown: parked with a fingerprint, a breaker watches
 *   none    never reaches a delivery: it belongs to a command or to a reader
 */
export type Disposition = 'pause' | 'retry' | 'park' | 'stop' | 'bug' | 'none';

/** Exit codes of the command, published in docs/cli.md. */
export const EXIT = {
  ok: 0,
  unexpected: 1,
  usage: 2,
  notFound: 3,
  verificationFailed: 4,
  partial: 5,
  unreachable: 6,
  refused: 7,
  badConfig: 8,
  gone: 9,
  interrupted: 130,
} as const;

interface Consequence {
  readonly disposition: Disposition;
  /** The exit code of a command that ends with this error. */
  readonly exit: number;
}

const park = { disposition: 'park', exit: EXIT.refused } as const;
const pause = { disposition: 'pause', exit: EXIT.unreachable } as const;
const stop = { disposition: 'stop', exit: EXIT.unexpected } as const;
const reader = (exit: number): Consequence => ({ disposition: 'none', exit });

/** The closed set of codes. A code without a decision does not compile. */
const CONSEQUENCE = {
  // The event is at fault.
  EVENT_TOO_LARGE: park,
  EVENT_TOO_DEEP: park,
  EVENT_NOT_JSON: park,
  EVENT_KEY_FORBIDDEN: park,
  EVENT_ENVELOPE: park,
  EVENT_TYPE_UNKNOWN: park,
  EVENT_VERSION_UNKNOWN: park,
  EVENT_SHAPE: park,
  TENANT_UNKNOWN: park,
  TENANT_NOT_OF_TOPIC: park,
  ALIAS_NOT_OF_TENANT: park,
  SOURCE_KEY_FORBIDDEN: park,
  NO_ARTIFACT: park,
  TOO_MANY_ARTIFACTS: park,
  ARTIFACT_ID_DUPLICATE: park,
  ARTIFACT_KIND_UNKNOWN: park,
  ARTIFACT_KIND_RESERVED: park,
  ID_IS_NUMBER: park,
  REVISION_REUSED: park,
  // The artifact is at fault.
  ARTIFACT_TOO_LARGE: park,
  SOURCE_LENGTH_DIFFERS: park,
  SOURCE_DIGEST_DIFFERS: park,
  SOURCE_NOT_A_FILE: park,
  // Worth another try, with what is there now.
  SOURCE_MISSING: { disposition: 'retry', exit: EXIT.notFound },
  SOURCE_CHANGED: { disposition: 'retry', exit: EXIT.partial },
  ATTEMPT_LOST: { disposition: 'retry', exit: EXIT.partial },
  // A dependency is away or says no.
  KMS_DOWN: pause,
  KMS_THROTTLED: pause,
  KMS_DENIED: pause,
  KEY_DISABLED: pause,
  KEY_PENDING_DELETION: pause,
  KEY_UNKNOWN: pause,
  KEY_FILE_UNUSABLE: { disposition: 'pause', exit: EXIT.badConfig },
  STORE_DOWN: pause,
  STORE_DENIED: pause,
  STORE_FULL: pause,
  SOURCE_DOWN: pause,
  SOURCE_DENIED: pause,
  REGISTRY_DOWN: pause,
  REGISTRY_DAMAGED: { disposition: 'pause', exit: EXIT.badConfig },
  INBOX_DOWN: pause,
  // An operator said so.
  INTAKE_PAUSED: pause,
  // We are leaving, were fenced, or must not go on.
  STOPPING: { disposition: 'stop', exit: EXIT.interrupted },
  FENCED: stop,
  ORIGIN_REUSED: stop,
  REGISTRY_WENT_BACK: { disposition: 'stop', exit: EXIT.refused },
  COMMIT_UNKNOWN: stop,
  // An answer, not a failure: the code that goes with `refused` and `superseded`.
  CALL_SHREDDED: { disposition: 'park', exit: EXIT.gone },
  CONSENT_DENIED: park,
  REVISION_LOWER: park,
  // A reader's or an operator's.
  NOT_AUTHENTIC: reader(EXIT.verificationFailed),
  DIGEST_DIFFERS: reader(EXIT.verificationFailed),
  AUDIT_BROKEN: reader(EXIT.verificationFailed),
  RANGE_OUTSIDE: reader(EXIT.usage),
  CHANNEL_UNKNOWN: reader(EXIT.usage),
  CHANNEL_INSEPARABLE: reader(EXIT.refused),
  OBJECT_MISSING: reader(EXIT.verificationFailed),
  OBJECT_EXISTS: { disposition: 'bug', exit: EXIT.unexpected },
  NOT_FOUND: reader(EXIT.notFound),
  REFUSED: reader(EXIT.refused),
  JOBS_DOWN: reader(EXIT.unreachable),
  WORKER_RUNNING: reader(EXIT.refused),
  USAGE: reader(EXIT.usage),
  BAD_CONFIG: reader(EXIT.badConfig),
  BUG: { disposition: 'bug', exit: EXIT.unexpected },
} as const satisfies Record<string, Consequence>;

export type Code = keyof typeof CONSEQUENCE;

export function isCode(text: string): text is Code {
  return Object.hasOwn(CONSEQUENCE, text);
}

export function dispositionOf(code: Code): Disposition {
  return CONSEQUENCE[code].disposition;
}

export function exitOf(code: Code): number {
  return CONSEQUENCE[code].exit;
}

/** What a paused dependency concerns: everybody, one tenant, or one source alias of a tenant. */
export interface Scope {
  readonly tenant?: string;
  readonly alias?: string;
}

interface CallsealErrorOptions extends ErrorOptions {
  /** What the operator may type or do next; printed as a hint. */
  readonly hint?: string;
  /** For a `pause`: whom it concerns. Absent: everybody. */
  readonly scope?: Scope;
}

/**
 * The one error of the product. `message` says what and where in words without content, names, numbers or key
 * material; `code` decides what happens.
 */
export class CallsealError extends Error {
  override readonly name = 'CallsealError';
  readonly code: Code;
  readonly hint: string | undefined;
  readonly scope: Scope | undefined;

  constructor(code: Code, message: string, options: CallsealErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.hint = options.hint;
    this.scope = options.scope;
  }
}

/** The code of any error: ours, an abort, or BUG. */
export function codeOf(error: unknown): Code {
  if (error instanceof CallsealError) return error.code;
  if (error instanceof Error && error.name === 'AbortError') return 'STOPPING';
  return 'BUG';
}
