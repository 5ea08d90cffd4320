import type { BenchRow } from './seal/measure.ts';

/** The table as text: whether each row is met, its ratio, what is asked of it, and what it is measured against. */
export function tableText(rows: readonly BenchRow[]): string {
  return rows
    .map(({ name, reference, ratio, floor, target, better, met }) => {
      const asked = `${better === 'higher' ? 'at least' : 'at most'} ${floor}, beyond ${target}`;
      return [
        met ? 'ok    ' : 'MISSED',
        name.padEnd(37),
        ratio.toFixed(3).padStart(7),
        asked.padEnd(27),
        reference,
      ].join(' ');
    })
    .join('\n');
}
