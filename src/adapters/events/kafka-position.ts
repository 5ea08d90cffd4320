/**
 * Where a reader of a whole topic stands: the next offset of every partition, partition 0 first, each of 16 digits,
 * joined by dots. A reader only goes forward, so positions sort as text in the order of their records.
 */
const DIGITS = 16;

export function positionText(next: ReadonlyMap<number, number>): string {
  const last = Math.max(...next.keys());
  const offsets = Array.from({ length: last + 1 }, (_, partition) => next.get(partition) ?? 0);
  return offsets.map((offset) => String(offset).padStart(DIGITS, '0')).join('.');
}

export function parsePosition(text: string): ReadonlyMap<number, number> | undefined {
  if (!/^\d{16}(\.\d{16})*$/.test(text)) return undefined;
  return new Map(text.split('.').map((offset, partition) => [partition, Number(offset)]));
}
