import { timingSafeEqual } from 'node:crypto';
import type { DenyRule } from './access.ts';
import { EFFECTS, type Fault, type Faults } from './faults.ts';
import type { RequestLog } from './request-log.ts';

/** What a test may ask for beside AWS's protocol, on the same port. `deny` is read by every request. */
export interface AdminState {
  readonly secret: string;
  readonly faults: Faults;
  readonly log: RequestLog;
  deny: readonly DenyRule[];
}

export interface AdminReply {
  readonly code: number;
  readonly type: string;
  readonly body: string;
}

/**
 *   GET  /admin/requests   the request log, NDJSON, oldest first
 *   GET  /admin/faults     the faults in force, with what is left of `times`
 *   PUT  /admin/faults     replaces them: a JSON list of Fault (faults.ts)
 *   PUT  /admin/deny       replaces the extra deny rules of all callers: a JSON list of DenyRule (access.ts)
 *
 * Header `authorization: Bearer <secret>`. Faults and extra deny rules are not kept over a restart.
 */
export function answerAdmin(
  state: AdminState,
  method: string,
  path: string,
  authorization: string,
  body: Buffer,
): AdminReply {
  if (!isSecret(authorization, `Bearer ${state.secret}`)) return plain(401, 'wrong admin secret');
  switch (`${method} ${path}`) {
    case 'GET /admin/requests':
      return { code: 200, type: 'application/x-ndjson', body: state.log.text() };
    case 'GET /admin/faults':
      return { code: 200, type: 'application/json', body: JSON.stringify(state.faults.inForce()) };
    case 'PUT /admin/faults':
      return put(body, isFault, (faults) => state.faults.replace(faults));
    case 'PUT /admin/deny':
      return put(body, isDenyRule, (rules) => {
        state.deny = rules;
      });
    default:
      return plain(404, `there is no ${method} ${path}`);
  }
}

function put<Item>(
  body: Buffer,
  isItem: (value: unknown) => value is Item,
  use: (items: readonly Item[]) => void,
): AdminReply {
  const items: unknown = parsed(body);
  if (!Array.isArray(items) || !items.every(isItem))
    return plain(400, 'the body is no list of what belongs there');
  use(items);
  return plain(200, 'ok');
}

function parsed(body: Buffer): unknown {
  try {
    return JSON.parse(body.toString('utf8'));
  } catch {
    return undefined;
  }
}

const FAULT_MEMBERS = {
  effect: 'string',
  operation: 'string',
  role: 'string',
  key: 'string',
  delayMs: 'number',
  times: 'number',
};

/** A misspelt member would make a fault that never happens, and a test that proves nothing. */
function isFault(value: unknown): value is Fault {
  if (typeof value !== 'object' || value === null) return false;
  const known = Object.entries(value).every(
    ([name, one]) => (FAULT_MEMBERS as Record<string, string>)[name] === typeof one,
  );
  return known && EFFECTS.some((effect) => 'effect' in value && value.effect === effect);
}

function isDenyRule(value: unknown): value is DenyRule {
  if (typeof value !== 'object' || value === null) return false;
  return 'actions' in value && Array.isArray(value.actions) && 'keys' in value && Array.isArray(value.keys);
}

function isSecret(given: string, right: string): boolean {
  return given.length === right.length && timingSafeEqual(Buffer.from(given), Buffer.from(right));
}

function plain(code: number, text: string): AdminReply {
  return { code, type: 'text/plain', body: `${text}\n` };
}
