import { durationText, parseDuration } from '../config/units.ts';
import { CallsealError } from '../domain/errors.ts';

/** `90m`, `24h`, `6d`, for the option of that name. @returns milliseconds */
export function age(option: string): (text: string) => number {
  return (text) => {
    const ms = parseDuration(text);
    if (ms !== undefined && ms > 0) return ms;
    throw new CallsealError(
      'USAGE',
      `${option} must be an age such as 90m, 24h or 6d, not ${JSON.stringify(text)}`,
    );
  };
}

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

/** One unit, as exact as a person asks: `42s`, `17m`, `31h`. */
export function ageText(ms: number): string {
  const unit = ms < 2 * MINUTE ? SECOND : ms < 2 * HOUR ? MINUTE : HOUR;
  return durationText(Math.floor(ms / unit) * unit).replace(/^0ms$/, '0s');
}
