import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { promMetrics } from '../../src/ops/metrics.ts';

/** Every series name that a scrape can hold, those of a histogram too. */
export async function scrapedNames(): Promise<Set<string>> {
  const text = await promMetrics({
    version: '1',
    topics: [],
    oldestSeconds: async () => 0,
    auditWaiting: async () => 0,
    certificateEnds: async () => [],
  }).text();
  const types = [...text.matchAll(/^# TYPE (\S+) (\S+)$/gm)];
  return new Set(
    types.flatMap(([, name = '', type]) =>
      type === 'histogram' ? [`${name}_bucket`, `${name}_sum`, `${name}_count`] : [name],
    ),
  );
}

export interface Rule {
  readonly record?: string;
  readonly alert?: string;
  readonly expr: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
}

export function rules(): Rule[] {
  const file: { groups: { rules: Rule[] }[] } = parse(readFileSync('deploy/prometheus/rules.yml', 'utf8'));
  return file.groups.flatMap((group) => group.rules);
}

/** The names in a query that look like ours or the process's, recorded ones included. */
export function namesIn(query: string): string[] {
  return query.match(/\b(?:callseal|process|nodejs)[_:][a-z0-9_:]*/g) ?? [];
}
