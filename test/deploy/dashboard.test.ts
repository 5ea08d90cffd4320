import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { DASHBOARD_FILE, dashboard, dashboardQueries } from '../../tools/dashboard.ts';
import { namesIn, rules, scrapedNames } from './metric-names.ts';

test(`${DASHBOARD_FILE} is what tools/dashboard.ts makes: make docs`, () => {
  expect(readFileSync(DASHBOARD_FILE, 'utf8')).toBe(dashboard());
});

test('every query of the dashboard asks for metrics that there are', async () => {
  const known = new Set([...(await scrapedNames()), ...rules().flatMap(({ record }) => record ?? [])]);
  for (const query of dashboardQueries()) {
    expect(namesIn(query)).not.toEqual([]);
    expect(namesIn(query).filter((name) => !known.has(name))).toEqual([]);
  }
});

test('every metric of the documents that tells of trouble is on the dashboard or in an alert', async () => {
  const asked = new Set([...dashboardQueries(), ...rules().map(({ expr }) => expr)].flatMap(namesIn));
  const table = readFileSync('docs/operate-metrics.md', 'utf8').matchAll(/^\| `(callseal_[a-z_]+)`/gm);
  const documented = [...table].map(([, name = '']) => name);
  const isAsked = (name: string): boolean =>
    [...asked].some((one) => one.replace(/_(bucket|count|sum)$/, '') === name);
  expect(documented.length).toBeGreaterThan(10);
  const perRun = documented.filter((name) => name.startsWith('callseal_reconcil'));
  expect(documented.filter((name) => !isAsked(name) && !perRun.includes(name))).toEqual([]);
});
