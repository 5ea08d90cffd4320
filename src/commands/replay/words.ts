import { durationText, parseBytes, parseDuration } from '../../config/units.ts';
import { CallsealError, type Code, isCode } from '../../domain/errors.ts';

/** What is typed after `callseal replay`, checked: each returns the value or throws USAGE with what to type instead. */

/** `2026-11-24T10:00:00Z`, or an age: `24h` is 24 hours ago. @returns ISO time */
export function moment(option: string): (text: string) => string {
  return (text) => {
    const age = parseDuration(text);
    if (age !== undefined) return new Date(Date.now() - age).toISOString();
    const at = /^\d{4}-\d{2}-\d{2}T[\d:.]+Z$/.test(text) ? Date.parse(text) : Number.NaN;
    if (!Number.isNaN(at)) return new Date(at).toISOString();
    throw usage(option, 'a time such as 2026-11-24T10:00:00Z, or an age such as 24h', text);
  };
}

export function code(text: string): Code {
  if (isCode(text)) return text;
  throw usage('--code', 'a code such as SOURCE_MISSING', text);
}

export function fingerprint(text: string): string {
  if (/^[0-9a-f]{8,64}$/.test(text)) return text;
  throw usage('--fingerprint', '8 to 64 hex digits, as dlq show prints them', text);
}

export function stage(text: string): string {
  if (/^[a-z]{1,32}$/.test(text)) return text;
  throw usage('--stage', 'a stage such as seal, as dlq ls prints them', text);
}

/** `100/s` → 100. */
export function perSecond(text: string): number {
  const rate = Number(/^(\d{1,6}(?:\.\d{1,3})?)\/s$/.exec(text)?.[1] ?? 0);
  if (rate > 0) return rate;
  throw usage('--rate', 'records a second, such as 100/s', text);
}

/** `10MiB/s` → 10485760. */
export function bytesPerSecond(text: string): number {
  const rate = text.endsWith('/s') ? parseBytes(text.slice(0, -2)) : undefined;
  if (rate !== undefined && rate > 0) return rate;
  throw usage('--bytes', 'bytes a second, such as 10MiB/s', text);
}

/** `5%` → 0.05. */
export function share(text: string): number {
  const percent = Number(/^(\d{1,3}(?:\.\d{1,2})?)%$/.exec(text)?.[1] ?? Number.NaN);
  if (percent >= 0 && percent <= 100) return percent / 100;
  throw usage('--stop-at', 'a share such as 5%', text);
}

export function canary(text: string): number {
  if (/^\d{1,6}$/.test(text)) return Number(text);
  throw usage('--canary', 'a whole number of records; 0 is none', text);
}

/** As exact as a person asks: `42s`, `17m`, `31h`. */
export function spanText(ms: number): string {
  const seconds = Math.ceil(ms / 1000);
  const unit = seconds < 120 ? 1 : seconds < 7200 ? 60 : 3600;
  return durationText(Math.max(1, Math.round(seconds / unit)) * unit * 1000);
}

function usage(option: string, form: string, text: string): CallsealError {
  return new CallsealError('USAGE', `${option} must be ${form}, not ${JSON.stringify(text)}`);
}
