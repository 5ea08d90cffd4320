import { isId } from '../../domain/ids.ts';
import type { JobPayload } from '../../ports/jobs.ts';

const FIELD = /^[A-Za-z]{1,32}$/;
const MOST_FIELDS = 16;

/** A few ids and numbers and nothing else. Asked on the way in, and on the way out of everybody who can write to Redis. */
export function isPayload(data: unknown): data is JobPayload {
  if (typeof data !== 'object' || data === null || Array.isArray(data)) return false;
  const fields = Object.entries(data);
  return fields.length <= MOST_FIELDS && fields.every(([name, value]) => FIELD.test(name) && isValue(value));
}

function isValue(value: unknown): boolean {
  return typeof value === 'string' ? isId(value) : Number.isFinite(value);
}
