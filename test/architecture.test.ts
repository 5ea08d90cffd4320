import { globSync, readFileSync } from 'node:fs';
import { matchesGlob, posix } from 'node:path';
import { expect, test } from 'vitest';
import vitestConfig from '../vitest.config.ts';

/** Who may import whom (docs/architecture.md). `main` and `cli` are src/main.ts and src/cli.ts. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  main: ['compose', 'config', 'ops', 'domain'],
  cli: ['compose', 'config', 'ops', 'commands', 'domain'],
  compose: ['config', 'domain', 'seal', 'media', 'ports', 'work', 'adapters', 'ops'],
  commands: ['config', 'work', 'ports', 'domain'],
  work: ['ports', 'seal', 'media', 'domain'],
  adapters: ['ports', 'domain'],
  // A process of its own, that the decoder's adapter starts (docs/decisions/0010).
  'decoder-child': ['adapters', 'media', 'ports', 'domain'],
  ops: ['ports', 'domain'],
  config: ['domain'],
  ports: ['domain'],
  media: ['domain'],
  seal: [],
  domain: [],
};

/** Packages and the only places that may name them. A package that is in no row is refused everywhere. */
const PACKAGES: readonly (readonly [name: RegExp, places: readonly string[]])[] = [
  [
    /^kafkajs$|^@confluentinc\/|^@platformatic\/kafka$/,
    ['src/adapters/inbox/kafka*', 'src/adapters/events/kafka*', 'src/adapters/kafka/**'],
  ],
  [/^@aws-sdk\/|^@smithy\//, ['src/adapters/**']],
  [/^(pg|bullmq|ioredis|node:sqlite)$/, ['src/adapters/**']],
  [/^(pino|prom-client)$/, ['src/ops/**']],
  [/^@opentelemetry\/api$/, ['src/ops/**', 'src/compose.ts']],
  [/^(prism-media|opusscript)$/, ['src/adapters/decoder/child/**']],
  [/^commander$/, ['src/commands/**']],
  [/^yaml$/, ['src/config/**']],
  [/^rfc6902$/, ['src/domain/patch-event.ts']],
  [/^zod$/, ['src/domain/**', 'src/config/**', 'src/adapters/**']],
  [/^canonicalize$/, ['src/domain/**']],
  [/^uuid$/, ['src/domain/**', 'src/adapters/registry/**']],
];

/** The door below the profile is for tests: it makes objects that the profile forbids. */
const BELOW_PROFILE = 'src/seal/below-profile.ts';

type Sources = ReadonlyMap<string, string>;

/** Every import, type-only and dynamic ones too, as written. Comments are cut out before. */
function importsOf(source: string): string[] {
  const code = source.replace(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, '');
  const found = code.matchAll(/(?:\bfrom\s+|\bimport\s+|\bimport\s*\(\s*)(['"])([^'"\n]+)\1/g);
  return [...found].map(([, , name = '']) => name);
}

function layerOf(file: string): string {
  if (file.startsWith('src/adapters/decoder/child/')) return 'decoder-child';
  const [, first = ''] = file.split('/');
  return first.replace(/\.ts$/, '');
}

function wrongEdges(sources: Sources): string[] {
  return [...sources].flatMap(([file, source]) =>
    importsOf(source)
      .map((name) => [name, wrongEdge(file, name)] as const)
      .filter(([, wrong]) => wrong !== undefined)
      .map(([name, wrong]) => `${file} imports ${name}: ${wrong}`),
  );
}

function wrongEdge(file: string, name: string): string | undefined {
  const layer = layerOf(file);
  if (!name.startsWith('.')) return wrongPackage(file, layer, name);
  const target = posix.join(posix.dirname(file), name);
  if (target === BELOW_PROFILE) return 'tests only';
  if (!target.startsWith('src/')) return 'outside src';
  const allowed = MAY_IMPORT[layer];
  if (allowed === undefined) return `${layer} is no layer`;
  const to = layerOf(target);
  return to === layer || allowed.includes(to) ? undefined : `${layer} may not import ${to}`;
}

function wrongPackage(file: string, layer: string, name: string): string | undefined {
  if (layer === 'seal')
    return name === 'node:crypto' ? undefined : 'seal imports node:crypto and nothing else';
  const row = PACKAGES.find(([form]) => form.test(name));
  if (row === undefined) return name.startsWith('node:') ? undefined : 'a package without a place';
  return row[1].some((place) => matchesGlob(file, place)) ? undefined : 'not a place for this package';
}

function strangers(sources: Sources): string[] {
  return [...new Set([...sources.keys()].map(layerOf))].filter((layer) => MAY_IMPORT[layer] === undefined);
}

const SOURCES: Sources = new Map(
  globSync('src/**/*.ts').map((file) => [file.replaceAll('\\', '/'), readFileSync(file, 'utf8')]),
);

test('every file of src belongs to a layer', () => {
  expect(strangers(SOURCES)).toEqual([]);
});

test('nobody imports what the map does not allow', () => {
  expect(SOURCES.size).toBeGreaterThan(50);
  expect(wrongEdges(SOURCES)).toEqual([]);
});

/** Edges that must be found: a rule that finds none of them proves nothing. */
const PLANTED: readonly (readonly [file: string, source: string])[] = [
  ['src/seal/x.ts', "import { x } from '../domain/ids.ts';"],
  ['src/seal/x.ts', "import { readFile } from 'node:fs/promises';"],
  ['src/domain/x.ts', "import type { Inbox } from '../ports/inbox.ts';"],
  ['src/media/x.ts', "import { sealer } from '../seal/sealer.ts';"],
  ['src/work/x.ts', "const x = await import('../adapters/inbox/sqlite.ts');"],
  ['src/work/x.ts', "import { pino } from 'pino';"],
  ['src/work/x.ts', "import { DatabaseSync } from 'node:sqlite';"],
  ['src/adapters/inbox/x.ts', "import { judge } from '../../work/intake.ts';"],
  ['src/adapters/inbox/sqlite.ts', "import { Kafka } from 'kafkajs';"],
  ['src/adapters/inbox/x.ts', "import type { Settings } from '../../config/schema.ts';"],
  ['src/commands/x.ts', "import { open } from '../compose.ts';"],
  ['src/commands/x.ts', "import { createLog } from '../ops/log.ts';"],
  ['src/commands/x.ts', "export * from '../seal/sealer.ts';"],
  ['src/config/x.ts', "import {\n  a,\n} from '../ports/keys.ts';"],
  ['src/ops/x.ts', "import '../config/schema.ts';"],
  ['src/main.ts', "import { x } from './adapters/inbox/sqlite.ts';"],
  ['src/cli.ts', "import { x } from './work/intake.ts';"],
  ['src/compose.ts', "import { x } from './commands/all.ts';"],
  ['src/compose.ts', "import { x } from './seal/below-profile.ts';"],
  ['src/work/x.ts', "import { x } from '../../test/x.ts';"],
  ['src/domain/x.ts', "import { x } from 'left-pad';"],
  ['src/adapters/decoder/pool.ts', "import { Listening } from './child/listening.ts';"],
  ['src/adapters/decoder/pool.ts', "import { createTap } from '../../media/tap.ts';"],
  ['src/media/x.ts', "import prism from 'prism-media';"],
  ['src/extra/x.ts', "import { x } from '../domain/ids.ts';"],
];

for (const [file, source] of PLANTED) {
  test(`found: ${file} with ${source.replace(/\s+/g, ' ')}`, () => {
    expect(wrongEdges(new Map([[file, source]]))).toHaveLength(1);
  });
}

test('an edge in a comment is none, and one inside the own layer is allowed', () => {
  const source = "/* from '../work/x.ts' */\n// import '../work/x.ts'\nimport { y } from './y.ts';";
  expect(wrongEdges(new Map([['src/domain/x.ts', source]]))).toEqual([]);
});

interface Project {
  readonly name: string;
  readonly include: readonly string[];
  readonly exclude?: readonly string[];
}

const PROJECTS = (vitestConfig.test?.projects ?? []).map((project) => (project as { test: Project }).test);

function projectsOf(file: string): string[] {
  const matches = (globs: readonly string[] = []): boolean => globs.some((glob) => matchesGlob(file, glob));
  return PROJECTS.filter(({ include, exclude }) => matches(include) && !matches(exclude)).map(
    ({ name }) => name,
  );
}

test('every test file belongs to exactly one vitest project', () => {
  // `promtool test rules` runs the others (test/integration/deploy-prometheus.test.ts).
  const files = globSync('**/*.test.*', {
    exclude: (name) => name === 'node_modules' || name.startsWith('.'),
  }).filter((file) => !/^deploy\/prometheus\/[\w-]+\.test\.yml$/.test(file));
  expect(files.length).toBeGreaterThan(10);
  expect(files.filter((file) => projectsOf(file).length !== 1)).toEqual([]);
});

test('a test file where no project looks is found', () => {
  expect(projectsOf('src/domain/x.test.ts')).toEqual([]);
  expect(projectsOf('test/x.test.mts')).toEqual([]);
  expect(projectsOf('test/domain/x.test.ts')).toEqual(['unit']);
  expect(projectsOf('test/faults/x.test.ts')).toEqual(['faults']);
});
