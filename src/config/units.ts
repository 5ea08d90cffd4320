import { z } from 'zod';

/**
 * Sizes and durations as people write them: a whole number and a unit, nothing between them. A size is never
 * "256 megs" or "0.5GiB": wrong is refused, not corrected.
 */

const BYTES = { GiB: 2 ** 30, MiB: 2 ** 20, KiB: 2 ** 10, B: 1 } as const;
const MILLISECONDS = { d: 86_400_000, h: 3_600_000, m: 60_000, s: 1000, ms: 1 } as const;

const SIZE = /^(\d{1,15})(B|KiB|MiB|GiB)$/;
const DURATION = /^(\d{1,9})(ms|s|m|h|d)$/;

/** `256MiB` → 268435456; undefined for anything else. */
export function parseBytes(text: string): number | undefined {
  return parseUnit(text, SIZE, BYTES);
}

/** `10m` → 600000; undefined for anything else. */
export function parseDuration(text: string): number | undefined {
  return parseUnit(text, DURATION, MILLISECONDS);
}

/** The inverse of `parseBytes`, in the largest unit that keeps it whole. */
export function bytesText(bytes: number): string {
  return unitText(bytes, BYTES, 'B');
}

/** The inverse of `parseDuration`, in the largest unit that keeps it whole. */
export function durationText(ms: number): string {
  return unitText(ms, MILLISECONDS, 'ms');
}

function parseUnit(text: string, form: RegExp, units: Readonly<Record<string, number>>): number | undefined {
  const match = form.exec(text);
  const factor = units[match?.[2] ?? ''];
  if (match === null || factor === undefined) return undefined;
  const value = Number(match[1]) * factor;
  return Number.isSafeInteger(value) ? value : undefined;
}

function unitText(value: number, units: Readonly<Record<string, number>>, smallest: string): string {
  for (const [unit, factor] of Object.entries(units)) {
    if (value > 0 && value % factor === 0) return `${value / factor}${unit}`;
  }
  return `${value}${smallest}`;
}

/** A setting in bytes, written as `256MiB`. */
export const byteSize = (range: { min: number; max: number }) =>
  inUnits('size', parseBytes, bytesText, 'a size such as 256MiB', range);

/** A setting in milliseconds, written as `10m`. */
export const duration = (range: { min: number; max: number }) =>
  inUnits('duration', parseDuration, durationText, 'a duration such as 90s, 10m or 24h', range);

function inUnits(
  name: 'size' | 'duration',
  parse: (text: string) => number | undefined,
  print: (value: number) => string,
  form: string,
  { min, max }: { min: number; max: number },
) {
  return z
    .string({ error: `must be ${form}` })
    .transform((text, context) => {
      const value = parse(text);
      if (value !== undefined && value >= min && value <= max) return value;
      const message =
        value === undefined ? `must be ${form}` : `must be between ${print(min)} and ${print(max)}`;
      context.issues.push({ code: 'custom', message, input: text });
      return z.NEVER;
    })
    .meta({ unit: name });
}
