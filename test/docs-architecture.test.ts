import { globSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { RULES } from '../src/domain/decide.ts';
import { type Code, dispositionOf, exitOf } from '../src/domain/errors.ts';

/** docs/architecture.md: its tables are those of the code. */
const page = readFileSync('docs/architecture.md', 'utf8');

/** Rows of the table whose heading begins with this cell; cells without backticks. */
function table(heading: string): string[][] {
  const from = page.indexOf(`\n| ${heading} |`);
  if (from === -1) throw new Error(`docs/architecture.md has no table ${heading}`);
  const [rows = ''] = page.slice(from + 1).split('\n\n');
  const cells = (row: string): string[] =>
    row
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim().replaceAll('`', ''));
  return rows.trim().split('\n').slice(2).map(cells);
}

/** Names on the left of a map or in a union of the source, since the compiler forgets both. */
function namesIn(file: string, form: RegExp): string[] {
  return [...readFileSync(file, 'utf8').matchAll(form)].map(([, name = '']) => name);
}

const CODES = namesIn('src/domain/errors.ts', /^ {2}([A-Z][A-Z_]+): /gm) as Code[];

test('every code is in the table once, in the order of the code', () => {
  expect(CODES.length).toBeGreaterThan(50);
  expect(table('code').map(([code]) => code)).toEqual(CODES);
});

for (const [code = '', disposition, exit, when] of table('code')) {
  test(`${code}: disposition and exit code are those of the code`, () => {
    expect({ disposition, exit }).toEqual({
      disposition: dispositionOf(code as Code),
      exit: String(exitOf(code as Code)),
    });
    expect(when).not.toBe('');
  });
}

test('every disposition is explained', () => {
  const explained = table('disposition').map(([name = '']) => name);
  expect(explained.toSorted()).toEqual([...new Set(CODES.map(dispositionOf))].toSorted());
});

test('the rules of the decision are those of the code, in their order', () => {
  expect(table('rule').map(([rule]) => rule)).toEqual(RULES.map(({ name }) => name));
});

test('the crash points are those of the code', () => {
  const points = namesIn('src/domain/crash-points.ts', /^ {2}\| '([a-z-]+)'/gm);
  expect(points.length).toBeGreaterThan(10);
  expect(table('point').map(([point]) => point)).toEqual(points);
});

test('every crash point is reached somewhere', () => {
  const sources = globSync('src/**/*.ts')
    .map((file) => readFileSync(file, 'utf8'))
    .join('\n');
  const never = table('point').filter(([point]) => !sources.includes(`fault('${point}')`));
  expect(never).toEqual([]);
});

test('the layers and their imports are those of the architecture test', () => {
  const source = readFileSync('test/architecture.test.ts', 'utf8');
  const allowed = [...source.matchAll(/^ {2}(\w+): \[(.*)\],$/gm)].map(([, layer, list = '']) => [
    layer,
    list === '' ? '–' : list.replaceAll("'", ''),
  ]);
  expect(allowed.length).toBeGreaterThan(10);
  expect(table('layer')).toEqual(allowed);
});

test('the folders and ports are those of the tree', () => {
  const folders = globSync('src/*').map((name) => name.replaceAll('\\', '/'));
  const shown = table('folder').map(([name = '']) => name.replace(/\/$/, ''));
  expect(shown.filter((name) => name.startsWith('src/')).toSorted()).toEqual(folders.toSorted());
  const ports = namesIn('src/ports/ports.ts', /^ {2}readonly (\w+):/gm);
  expect(
    table('port')
      .map(([name = '']) => name)
      .toSorted(),
  ).toEqual(ports.toSorted());
});
