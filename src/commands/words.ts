import { CallsealError } from '../domain/errors.ts';
import { isId } from '../domain/ids.ts';

/** What is typed after a command, checked: each returns the value or throws USAGE with what to type instead. */

export interface CallRef {
  readonly tenant: string;
  readonly call: string;
}

/** `TENANT/CALL`, the record key of its events. */
export function callRef(text: string): CallRef {
  const [tenant = '', call = '', ...rest] = text.split('/');
  if (isId(tenant) && isId(call) && rest.length === 0) return { tenant, call };
  throw new CallsealError('USAGE', `a call is TENANT/CALL, such as demo/c-0001, not ${JSON.stringify(text)}`);
}

export function id(text: string): string {
  if (isId(text)) return text;
  const form = 'an id is 1 to 128 letters, digits, dots, dashes and underscores';
  throw new CallsealError('USAGE', `${form}, not ${JSON.stringify(text)}`);
}

const MOST = 100_000;

/** For `--limit`. */
export function limit(text: string): number {
  const value = /^\d{1,6}$/.test(text) ? Number(text) : 0;
  if (value >= 1 && value <= MOST) return value;
  throw new CallsealError(
    'USAGE',
    `--limit must be a whole number from 1 to ${MOST}, not ${JSON.stringify(text)}`,
  );
}

export const DEFAULT_LIMIT = 100;

export function callText({ tenant, call }: CallRef): string {
  return `${tenant}/${call}`;
}

/** `3` or, after a reseal, `3.2`: revision and generation. */
export function revisionText(at: { readonly revision: number; readonly generation: number }): string {
  return at.generation <= 1 ? String(at.revision) : `${at.revision}.${at.generation}`;
}
