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

export function text<T extends string = string>(row: SqlRow, column: string): T {
  const value = row[column];
  if (typeof value !== 'string') throw notOf(column, 'text');
  return value as T;
}

export function textOrNone<T extends string = string>(row: SqlRow, column: string): T | undefined {
  return isNone(row[column]) ? undefined : text<T>(row, column);
}

export function bytes(row: SqlRow, column: string): Uint8Array {
  const value = row[column];
  if (!(value instanceof Uint8Array)) throw notOf(column, 'bytes');
  return value;
}

export function json<T>(row: SqlRow, column: string): T {
  return JSON.parse(text(row, column)) as T;
}

export function jsonOrNone<T>(row: SqlRow, column: string): T | undefined {
  return isNone(row[column]) ? undefined : json<T>(row, column);
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
