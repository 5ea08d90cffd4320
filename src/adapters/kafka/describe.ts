import { CallsealError } from '../../domain/errors.ts';

/** What an error of the client says, wherever in it that stands. */
export interface Described {
  /** Class of the innermost error, such as `KafkaJSProtocolError`. */
  readonly name: string;
  /** Kafka's word for a refusal, such as `TOPIC_AUTHORIZATION_FAILED`, or Node's for a socket (`ECONNREFUSED`). */
  readonly type: string | undefined;
  /** Kafka's number for a refusal: the broker has answered. */
  readonly code: number | undefined;
  readonly message: string;
}

interface Loose {
  readonly name?: unknown;
  readonly message?: unknown;
  readonly type?: unknown;
  readonly code?: unknown;
  readonly cause?: unknown;
  readonly errors?: unknown;
}

/** The client wraps (`.cause`, up to three deep) and bundles (`.errors`); type and code are on the innermost alone. */
export function describe(error: unknown): Described {
  const { name, message, type, code } = innermost(error);
  return {
    name: typeof name === 'string' ? name : 'Error',
    type: typeof type === 'string' ? type : typeof code === 'string' ? code : undefined,
    code: typeof code === 'number' ? code : undefined,
    message: typeof message === 'string' ? message : String(error),
  };
}

function innermost(error: unknown): Loose {
  let found: Loose = isLoose(error) ? error : {};
  for (let deep = 0; deep < 8; deep++) {
    const [first]: unknown[] = Array.isArray(found.errors) ? found.errors : [];
    const next = first ?? found.cause;
    if (!isLoose(next)) break;
    found = next;
  }
  return found;
}

function isLoose(value: unknown): value is Loose {
  return typeof value === 'object' && value !== null;
}

/** Whether the broker refused because a right is lacking. */
export function isDenied(error: unknown): boolean {
  const { type, name } = describe(error);
  // A lacking right on a group or a transactional id has neither type nor code (kafkajs 2.2.4).
  return type?.endsWith('AUTHORIZATION_FAILED') === true || name === 'KafkaJSGroupCoordinatorNotFound';
}

/** An error of the client as ours. `doing` is what we were about to do: `publishing into callseal.audit`. */
export function inboxError(doing: string, error: unknown): CallsealError {
  if (error instanceof CallsealError) return error;
  const { type, message } = describe(error);
  const why = type ?? message;
  if (!isDenied(error)) return new CallsealError('INBOX_DOWN', `${doing}: ${why}`, { cause: error });
  return new CallsealError('INBOX_DOWN', `${doing}: the cluster says no (${why})`, {
    cause: error,
    hint: 'callseal topics check says which right is lacking',
  });
}
