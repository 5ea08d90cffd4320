import type { SqlRow, SqlValue } from './sql.ts';

/** Columns as the types they were written as: SQLite gives numbers, PostgreSQL bigints. */

export function int(row: SqlRow, column: string): number {
  const value = row[column];
  if (typeof value !== 'number' && typeof value !== 'bigint') throw notOf(column, 'a whole number');
  return Number(value);
}

export function intOrNone(row: SqlRow, column: string): number | undefined {
  return isNone(row[column]) ? undefined : int(row, column);
}

export function text(row: SqlRow, column: string): string {
  const value = row[column];
  if (typeof value !== 'string') throw notOf(column, 'text');
  return value;
}

export function textOrNone(row: SqlRow, column: string): string | undefined {
  return isNone(row[column]) ? undefined : text(row, column);
}

/** One of a closed set of words. */
export function word<T extends string>(row: SqlRow, column: string, words: readonly T[]): T {
  const value = text(row, column);
  const found = words.find((one) => one === value);
  if (found === undefined) throw notOf(column, `one of ${words.join(', ')}`);
  return found;
}

export function wordOrNone<T extends string>(
  row: SqlRow,
  column: string,
  words: readonly T[],
): T | undefined {
  return isNone(row[column]) ? undefined : word(row, column, words);
}

export function bytes(row: SqlRow, column: string): Uint8Array {
  const value = row[column];
  if (!(value instanceof Uint8Array)) throw notOf(column, 'bytes');
  return value;
}

/** A flat JSON object of texts: an encryption context. */
export function texts(row: SqlRow, column: string): Record<string, string> {
  const parsed: Record<string, string> = JSON.parse(text(row, column));
  return parsed;
}

/** `($1, $2), ($3, $4)`: the placeholders of several rows, beginning behind `taken` parameters. */
export function placeholders(rows: number, columns: number, taken = 0): string {
  const one = (row: number): string =>
    `(${Array.from({ length: columns }, (_, column) => `$${taken + row * columns + column + 1}`).join(', ')})`;
  return Array.from({ length: rows }, (_, row) => one(row)).join(', ');
}

export function orNull(value: SqlValue | undefined): SqlValue {
  return value ?? null;
}

function isNone(value: SqlValue | undefined): boolean {
  return value === null || value === undefined;
}

function notOf(column: string, type: string): TypeError {
  return new TypeError(`registry column ${column} does not hold ${type}`);
}
