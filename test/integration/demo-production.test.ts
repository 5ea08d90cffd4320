import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { beforeAll, describe, expect, test } from 'vitest';
import { clientsOf } from '../adapters/kafka/test-topics.ts';
import { whatIsMissing } from '../services/env.ts';
import { asSuperuser } from '../services/postgres-schema.ts';
import { productEnvironment } from '../services/product-environment.ts';
import { comparable, consoleOf } from '../transcripts/readme-console.ts';

/** `make demo PROFILE=production`: what README.md shows of it is what it says. */

const CHECKOUT = join(import.meta.dirname, '../..');
const COMMAND = 'make demo PROFILE=production';
const page = consoleOf(readFileSync(join(CHECKOUT, 'README.md'), 'utf8'));

interface Ran {
  readonly code: number | null;
  /** As on a terminal. */
  readonly said: string;
}

/** What the makefile's recipe types. */
async function demo(words: readonly string[] = [], env: Record<string, string> = {}): Promise<Ran> {
  const typed = [process.execPath, '--no-warnings', 'tools/production-demo/main.ts', ...words];
  const shell = spawn('sh', ['-c', 'exec "$@" 2>&1', 'sh', ...typed], {
    cwd: CHECKOUT,
    env: productEnvironment(env),
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const closed = once(shell, 'close');
  const said = await text(shell.stdout);
  await closed;
  return { code: shell.exitCode, said };
}

/** What differs from run to run besides; tries on a busy machine make further audit events and versions of the call. */
function normalised(said: string): string {
  return comparable(said)
    .replace(/\bdemo([-_])[0-9a-f]{6}\b/g, 'demo$1<name>')
    .replace(/\bprocess(es)? \d+( and \d+)?/g, 'process$1 <pid>')
    .replace(/tables of version \d+/, 'tables of version <n>')
    .replace(/share the partitions: .+/, 'share the partitions: <shares>')
    .replace(/\bafter \d+ ms\b/, 'after <n> ms')
    .replace(/\bsequence \d+/, 'sequence <n>')
    .replace(/\bevents 1 to \d+ of the chain/, 'events 1 to <n> of the chain')
    .replace(/(\.calls\.completed\/\d+)\/\d+/g, '$1/<offset>');
}

test('make demo PROFILE=production is what the makefile says it is', () => {
  const makefile = readFileSync(join(CHECKOUT, 'Makefile'), 'utf8');
  expect(makefile).toContain(
    '@$(NODE) node --no-warnings tools/production-demo/main.ts $(if $(KEEP),--keep)',
  );
});

test('without services it says what to type, and ends as for a dependency that is away', async () => {
  const { code, said } = await demo([], { CALLSEAL_SERVICES_BASE: '39999' });
  expect(code).toBe(6);
  expect(said).toBe(
    'callseal: error: the demo of profile production needs real services, and there is no kafka, s3, kms, postgres, redis here\n' +
      'callseal: hint: make up\n',
  );
});

test('it removes nothing that is not named like a demo', async () => {
  const { code, said } = await demo(['--remove', 'callseal']);
  expect(code).toBe(2);
  expect(said).toContain('"callseal"');
});

const missing = await whatIsMissing('kafka', 's3', 'kms', 'postgres', 'redis');
describe.skipIf(missing)(`$ ${COMMAND} ${missing ?? ''}`, () => {
  let ran: Ran;
  beforeAll(async () => {
    ran = await demo();
  }, 300_000);

  test('says what README.md shows', () => {
    const shown = page.find(({ command }) => command === COMMAND);
    expect(normalised(ran.said)).toBe(normalised(shown?.output ?? ''));
    expect(ran.code).toBe(0);
  });

  test('the two workers have all partitions between them', () => {
    const [, first = '', second = ''] = /share the partitions: ([\d ]+), and ([\d ]+)$/m.exec(ran.said) ?? [];
    const shares = [first, second].map((share) => share.split(' ').map(Number));
    expect(shares.flat().toSorted((a, b) => a - b)).toEqual([0, 1, 2, 3, 4, 5]);
    expect(shares.map(({ length }) => length)).toEqual([3, 3]);
  });

  test('leaves no topic, group or database', async () => {
    const [name = ''] = /\bdemo-[0-9a-f]{6}\b/.exec(ran.said) ?? [];
    const clients = await clientsOf('admin');
    const admin = clients.admin();
    await admin.connect();
    const [topics, { groups }] = [await admin.listTopics(), await admin.listGroups()];
    await admin.disconnect();
    clients.stop();
    const databases = await asSuperuser('select datname from pg_database');
    const all = [
      ...topics,
      ...groups.map(({ groupId }) => groupId),
      ...databases.map((row) => row['datname']),
    ];
    expect(name).not.toBe('');
    expect(all.filter((one) => String(one).replace('_', '-').startsWith(name))).toEqual([]);
  });
});

test('a page that shows something else is found', () => {
  expect(normalised('verified    11 of 11 objects')).not.toBe(normalised('verified    10 of 11 objects'));
});
