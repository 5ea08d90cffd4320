import { globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { beforeAll, expect, onTestFinished, test } from 'vitest';
import { parseAllDocuments, stringify } from 'yaml';
import { pythonTool, run, toolFolder } from '../deploy/tools.ts';

/** Oldest that is still maintained, and the newest that the schemas know. */
const VERSIONS = ['1.34.0', '1.37.0'];
/** Where the types of a kind of others stand in their packages. */
const CUSTOM: Readonly<Record<string, string>> = {
  ServiceMonitor: '@kubernetes-models/prometheus-operator/monitoring.coreos.com/v1/ServiceMonitor',
  ScaledObject: '@kubernetes-models/keda/keda.sh/v1alpha1/ScaledObject',
  TriggerAuthentication: '@kubernetes-models/keda/keda.sh/v1alpha1/TriggerAuthentication',
};

interface Manifest {
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly labels: Readonly<Record<string, string>> };
  /** Each kind has one of its own, and the schemas judge it. */
  readonly spec: Readonly<Record<string, unknown>>;
}

const MANIFESTS = globSync('deploy/kubernetes/*.yaml').flatMap((file) =>
  parseAllDocuments(readFileSync(file, 'utf8')).map((document): Manifest => document.toJS()),
);
let python: string;
let models: string;

beforeAll(() => {
  python = toolFolder('python');
  models = toolFolder('kubernetes-models');
}, 600_000);

function temporary(parent: string): string {
  const folder = mkdtempSync(join(parent, 'check-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  return folder;
}

function validated(manifest: unknown, version: string) {
  const file = join(temporary(python), 'manifest.yaml');
  writeFileSync(file, stringify(manifest));
  return pythonTool(python, 'kubernetes_validate', ['--strict', '-k', version, file]);
}

/** Compiled as an object literal of its type: a field that the type does not have is an error at any depth. */
function compiled(manifests: readonly unknown[], kinds: readonly string[]) {
  const folder = temporary(models);
  const lines = kinds.map((kind, index) => {
    const type = `import type { I${kind} } from '${CUSTOM[kind]}';`;
    return `${type}\nexport const m${index}: I${kind} = ${JSON.stringify(manifests[index], null, 2)};\n`;
  });
  writeFileSync(join(folder, 'check.ts'), lines.join('\n'));
  const options = [
    '--noEmit',
    '--strict',
    '--skipLibCheck',
    '--module',
    'esnext',
    '--moduleResolution',
    'bundler',
  ];
  return run('node_modules/.bin/tsc', [
    ...options,
    '--ignoreConfig',
    '--types',
    '',
    join(folder, 'check.ts'),
  ]);
}

const OWN = MANIFESTS.filter(({ kind }) => !(kind in CUSTOM));
const OTHERS = MANIFESTS.filter(({ kind }) => kind in CUSTOM);

for (const version of VERSIONS) {
  for (const manifest of OWN) {
    test(`Kubernetes ${version} knows every field of the ${manifest.kind}`, () => {
      expect(validated(manifest, version)).toMatchObject({ status: 0 });
    });
  }
}

test('the operators know every field of the kinds that are theirs', () => {
  const kinds = OTHERS.map(({ kind }) => kind);
  expect(kinds.toSorted()).toEqual(Object.keys(CUSTOM).toSorted());
  expect(compiled(OTHERS, kinds)).toEqual({ status: 0, text: '' });
});

test('a misspelt field is refused in every kind', () => {
  for (const manifest of OWN) {
    expect(validated({ ...manifest, spec: { ...manifest.spec, replica: 1 } }, '1.37.0').status).not.toBe(0);
  }
  for (const manifest of OTHERS) {
    const misspelt = { ...manifest, spec: { ...manifest.spec, maxReplicasCount: 1 } };
    expect(compiled([misspelt], [manifest.kind]).text).toContain('maxReplicasCount');
  }
});

test('all of them speak of the same pods', () => {
  const labels = { 'app.kubernetes.io/name': 'callseal', 'app.kubernetes.io/component': 'worker' };
  for (const { metadata } of MANIFESTS) expect(metadata.labels).toEqual(labels);
  const text = MANIFESTS.map((manifest) => JSON.stringify(manifest)).join('\n');
  expect(text.match(/"scaleTargetRef":\{"name":"callseal-worker"\}/g)).toHaveLength(1);
});

test('the orchestrator is more patient than the worker drains', () => {
  const deployment = readFileSync('deploy/kubernetes/deployment.yaml', 'utf8');
  const patience = Number(/terminationGracePeriodSeconds: (\d+)/.exec(deployment)?.[1]);
  const drain = Number(/drain: (\d+)s/.exec(readFileSync('config/production.yaml', 'utf8'))?.[1]);
  const closing = Number(/CLOSE_WITHIN_MS = (\d+)_000/.exec(readFileSync('src/compose.ts', 'utf8'))?.[1]);
  expect(patience).toBeGreaterThan(drain + closing);
});
