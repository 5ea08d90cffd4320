import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, join, normalize } from 'node:path';
import { expect, test } from 'vitest';
import { commandsOf, documentedProgram } from '../tools/cli-doc.ts';

/** What all pages together must be: whole links, no stranger's words, the same facts as the tree. */
const PAGES = globSync(['*.md', 'docs/**/*.md', 'samples/*.md', 'deploy/**/*.md']).map((file) => ({
  file: file.replaceAll('\\', '/'),
  text: readFileSync(file, 'utf8'),
}));

function page(file: string): string {
  const found = PAGES.find((one) => one.file === file);
  if (found === undefined) throw new Error(`there is no page ${file}`);
  return found.text;
}

function withoutCode(text: string): string {
  return text.replace(/^```[\s\S]*?^```$/gm, '').replace(/`[^`\n]*`/g, (code) => code.replaceAll('[', ''));
}

/** A heading's anchor, as GitHub makes it. */
function anchorOf(heading: string): string {
  return heading
    .toLowerCase()
    .replace(/[^\p{L}\p{N}\s_-]/gu, '')
    .trim()
    .replaceAll(' ', '-');
}

function anchorsOf(text: string): string[] {
  return [...text.replace(/^```[\s\S]*?^```$/gm, '').matchAll(/^#+ (.+)$/gm)].map(([, heading = '']) =>
    anchorOf(heading),
  );
}

function brokenLinks(file: string, text: string): string[] {
  const links = [...withoutCode(text).matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = '']) => target);
  return links.filter((target) => {
    if (/^[a-z]+:/.test(target)) return false;
    const [path = '', anchor] = target.split('#');
    const to = path === '' ? file : normalize(join(dirname(file), path));
    if (!existsSync(to)) return true;
    return anchor !== undefined && !anchorsOf(readFileSync(to, 'utf8')).includes(anchor);
  });
}

for (const { file, text } of PAGES) {
  test(`every link of ${file} leads somewhere`, () => {
    expect(brokenLinks(file, text)).toEqual([]);
  });
}

test('a link to a page or a heading that is not there is found', () => {
  expect(brokenLinks('README.md', '[a](docs/nope.md) [b](docs/terms.md#nope) [c](docs/terms.md)')).toEqual([
    'docs/nope.md',
    'docs/terms.md#nope',
  ]);
});

test('the index of the documents has every page and every decision', () => {
  const linked = (file: string): string[] =>
    [...page(file).matchAll(/\]\(([^)#]+)\)/g)].map(([, target = '']) =>
      normalize(join(dirname(file), target)),
    );
  const all = PAGES.map(({ file }) => file).filter(
    (file) => /^docs\/[^/]+\.md$/.test(file) && file !== 'docs/README.md',
  );
  expect(all.filter((file) => !linked('docs/README.md').includes(file))).toEqual([]);
  const records = PAGES.map(({ file }) => file).filter((file) => /^docs\/decisions\/\d/.test(file));
  expect(
    linked('docs/decisions/README.md')
      .filter((file) => /\/\d/.test(file))
      .toSorted(),
  ).toEqual(records.toSorted());
});

test('every decision says why, what, what follows and what was rejected', () => {
  const records = PAGES.filter(({ file }) => /^docs\/decisions\/000[1-8]/.test(file));
  const lacking = records.filter(
    ({ text }) =>
      !['Context', 'Decision', 'Consequence', 'Rejected'].every((part) => text.includes(`**${part}.**`)),
  );
  // That about packages has its consequence in its tables.
  expect(lacking.map(({ file }) => file)).toEqual(['docs/decisions/0005-dependencies.md']);
});

test('every package has its reason, and every reason its package', () => {
  const { dependencies, devDependencies } = JSON.parse(readFileSync('package.json', 'utf8'));
  const rows = [...page('docs/decisions/0005-dependencies.md').matchAll(/^\| `([^`]+)` \| (.+) \|$/gm)];
  const named = rows.map(([, name = '']) => name);
  expect(named.toSorted()).toEqual(Object.keys({ ...dependencies, ...devDependencies }).toSorted());
});

test('every term of terms.md is used by the code', () => {
  const sources = globSync('src/**/*.ts')
    .map((file) => readFileSync(file, 'utf8'))
    .join('\n')
    .toLowerCase();
  const terms = [...page('docs/terms.md').matchAll(/^\| ([^|]+) \|/gm)]
    .flatMap(([, cell = '']) => cell.split(', '))
    .filter((term) => term !== 'term' && !term.startsWith('---'));
  expect(terms.length).toBeGreaterThan(40);
  const spellings = (term: string): string[] => {
    const low = term.toLowerCase();
    return [low, low.replaceAll(' ', ''), low.replaceAll(' ', '-')];
  };
  expect(terms.filter((term) => !spellings(term).some((spelling) => sources.includes(spelling)))).toEqual([]);
  expect(terms).toEqual([...new Set(terms)]);
});

/** Where the composition root names an adapter for services; until it does, the README says so. */
const SERVICE_ADAPTERS: readonly (readonly [port: string, service: string, module: string])[] = [
  ['inbox', 'Kafka', './adapters/inbox/kafka'],
  ['events', 'Kafka', './adapters/events/kafka'],
  ['sources', 'S3', './adapters/sources/s3'],
  ['objects', 'S3', './adapters/objects/s3'],
  ['keys', 'AWS KMS', './adapters/keys/aws-kms'],
  ['registry', 'PostgreSQL', './adapters/registry/postgres'],
  ['jobs', 'BullMQ', './adapters/jobs/bullmq'],
];

for (const [port, service, module] of SERVICE_ADAPTERS) {
  test(`the README says whether ${port} can be ${service}`, () => {
    const isThere = readFileSync('src/compose.ts', 'utf8').includes(module);
    const row =
      page('README.md')
        .split('\n')
        .find((line) => line.startsWith(`| ${port}:`)) ?? '';
    expect(row).toContain(service);
    expect(row.includes('not there yet')).toBe(!isThere);
  });
}

test('docs/events.md says whether there is a Kafka adapter', () => {
  const isThere = readFileSync('src/compose.ts', 'utf8').includes('./adapters/inbox/kafka');
  expect(page('docs/events.md').includes('The Kafka adapter is not there yet')).toBe(!isThere);
});

test('commands that the README calls missing are missing', () => {
  expect(page('README.md')).toContain('no command yet to shred, hold or rotate keys');
  const names = commandsOf(documentedProgram()).flatMap(({ words }) => words);
  const missing = ['shred', 'hold', 'rotate', 'rewrap', 'reseal'];
  expect(names.filter((name) => missing.includes(name))).toEqual([]);
});

test('settings that the README calls unused are used by nothing but the schema and its checks', () => {
  const sources = globSync('src/**/*.ts', { exclude: ['src/config/**'] }).map((file) =>
    readFileSync(file, 'utf8'),
  );
  const unused = ['largeCalls', 'largeFrom'];
  expect(unused.filter((name) => sources.some((text) => text.includes(name)))).toEqual([]);
});

test('tools that CONTRIBUTING.md calls are packages, and their paths are there', () => {
  const calls = [...page('CONTRIBUTING.md').matchAll(/^sh tools\/node\/use\.sh (\S+) (.+)$/gm)];
  expect(calls.length).toBeGreaterThan(1);
  const { devDependencies } = JSON.parse(readFileSync('package.json', 'utf8'));
  for (const [, tool = '', words = ''] of calls) {
    expect(
      Object.keys(devDependencies).some(
        (name) => name === tool || name.endsWith(`/${tool}`) || name === `@${tool}js/${tool}`,
      ),
    ).toBe(true);
    const paths = words.split(' ').filter((word) => word.includes('/'));
    expect(paths.filter((path) => !existsSync(path))).toEqual([]);
  }
});
