import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, expect, onTestFinished, test } from 'vitest';
import { stringify } from 'yaml';
import { dashboardQueries } from '../../tools/dashboard.ts';
import { run, toolFolder } from '../deploy/tools.ts';

const FOLDER = 'deploy/prometheus';
let promtool: string;

beforeAll(() => {
  promtool = join(toolFolder('promtool'), 'promtool');
}, 600_000);

function temporary(): string {
  const folder = mkdtempSync(join(tmpdir(), 'callseal-rules-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return folder;
}

test('Prometheus reads the rules and finds nothing to complain about', () => {
  expect(
    run(promtool, ['check', 'rules', '--lint=all', '--lint-fatal', `${FOLDER}/rules.yml`]),
  ).toMatchObject({
    status: 0,
  });
});

for (const file of ['rules.test.yml', 'rules-days.test.yml']) {
  test(`every alert is raised by what it is for and by nothing else: ${file}`, () => {
    const { status, text } = run(promtool, ['test', 'rules', `${FOLDER}/${file}`]);
    expect(text).toContain('SUCCESS');
    expect(status).toBe(0);
  });
}

test('an alert that is made deaf is missed', () => {
  const folder = temporary();
  const deaf = readFileSync(`${FOLDER}/rules.yml`, 'utf8').replace('scope=~"tenant|alias"', 'scope="nobody"');
  writeFileSync(join(folder, 'rules.yml'), deaf);
  writeFileSync(join(folder, 'rules.test.yml'), readFileSync(`${FOLDER}/rules.test.yml`));
  const { status, text } = run(promtool, [
    'test',
    'rules',
    '--run=a pause of alias',
    join(folder, 'rules.test.yml'),
  ]);
  expect(status).toBe(1);
  expect(text).toContain('CallsealTenantPaused');
});

test('every alert is raised in some test', () => {
  const tests = ['rules.test.yml', 'rules-days.test.yml'].map((file) =>
    readFileSync(`${FOLDER}/${file}`, 'utf8'),
  );
  const alerts = readFileSync(`${FOLDER}/rules.yml`, 'utf8').matchAll(/alert: (\w+)/g);
  const raised = new Set(tests.join('').match(/Callseal\w+/g));
  expect([...alerts].map(([, name = '']) => name).filter((name) => !raised.has(name))).toEqual([]);
});

test('every query of the dashboard is one that Prometheus reads', () => {
  const folder = temporary();
  const recorded = dashboardQueries().map((expr, index) => ({ record: `query:${index}`, expr }));
  writeFileSync(join(folder, 'queries.yml'), stringify({ groups: [{ name: 'dashboard', rules: recorded }] }));
  expect(run(promtool, ['check', 'rules', join(folder, 'queries.yml')])).toMatchObject({ status: 0 });
});
