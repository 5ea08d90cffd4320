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

/** `1 call`, `2 calls`. */
export function counted(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`;
}

/** For `--revision`: from 1. */
export function revision(text: string): number {
  return wholeNumber('--revision', text, 1, 2 ** 31 - 1);
}

/** For `--timeout`, in seconds. */
export function seconds(text: string): number {
  return wholeNumber('--timeout', text, 0, 86_400);
}

/** For `--sample`. */
export function sampleSize(text: string): number {
  return wholeNumber('--sample', text, 1, 1_000_000_000);
}

function wholeNumber(option: string, text: string, least: number, most: number): number {
  const value = /^\d{1,10}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= least && value <= most) return value;
  throw new CallsealError(
    'USAGE',
    `${option} must be a whole number from ${least} to ${most}, not ${JSON.stringify(text)}`,
  );
}

/** `A-B` of `--bytes`, both included as in HTTP; the end is exclusive here. */
export function byteRange(text: string): { from: number; toExclusive: number } {
  const [, first, last] = /^(\d{1,15})-(\d{1,15})$/.exec(text) ?? [];
  const range = { from: Number(first), toExclusive: Number(last) + 1 };
  if (first !== undefined && range.from < range.toExclusive) return range;
  throw new CallsealError('USAGE', `--bytes must be FIRST-LAST, such as 0-1023, not ${JSON.stringify(text)}`);
}

/** `3:20`, `1:02:03.5` or `20.25`: `[[h:]m:]s[.fff]`, in milliseconds. */
export function timeOffset(text: string): number {
  const [, hours = '0', minutes = '0', secs = '', fraction = ''] =
    /^(?:(?:(\d{1,3}):)?(\d{1,2}):)?(\d{1,6})(?:\.(\d{1,3}))?$/.exec(text) ?? [];
  if (secs === '') {
    throw new CallsealError(
      'USAGE',
      `a time is [h:]m:s[.fff], such as 3:20 or 0:03.5, not ${JSON.stringify(text)}`,
    );
  }
  return (
    (Number(hours) * 3600 + Number(minutes) * 60 + Number(secs)) * 1000 + Number(fraction.padEnd(3, '0'))
  );
}

/** For `--reason`: why somebody looks at a call; sealed beside the audit event. */
export function reason(text: string): string {
  const words = text.trim();
  if (words.length >= 3 && words.length <= 1000) return words;
  throw new CallsealError('USAGE', '--reason must say why, in 3 to 1000 characters');
}
