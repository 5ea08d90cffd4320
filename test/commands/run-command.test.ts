import { expect, test } from 'vitest';
import { CallsealError } from '../../src/domain/errors.ts';
import { run } from './host.ts';

const failing = (error: unknown) => ({
  registry: {
    calls: async () => {
      throw error;
    },
  },
});

test('a command that needs no port opens none', async () => {
  expect(await run('config print')).toMatchObject({ code: 0, opened: 0, closed: 0 });
  expect(await run('list --help')).toMatchObject({ code: 0, opened: 0, stderr: '' });
  expect(await run('--version')).toMatchObject({ code: 0, opened: 0, stdout: '1.2.3\n' });
});

test('what was opened is closed, once, after success and after failure', async () => {
  expect(await run('list', { ports: { registry: { calls: async () => [] } } })).toMatchObject({
    opened: 1,
    closed: 1,
  });
  expect(await run('list', { ports: failing(new Error('x')) })).toMatchObject({ opened: 1, closed: 1 });
});

for (const [words, said] of [
  ['lst', "unknown command 'lst'"],
  ['config chek', "unknown command 'chek'"],
  ['list --bogus', "unknown option '--bogus'"],
  ['list extra', 'too many arguments'],
  ['show', "missing required argument 'tenant/call'"],
  ['show demo', 'a call is TENANT/CALL, such as demo/c-0001, not "demo"'],
  ['show demo/..', 'a call is TENANT/CALL'],
  ['list --limit 0', '--limit must be a whole number from 1 to 100000, not "0"'],
  ['list --limit 1e3', '--limit must be a whole number'],
  ['list --ticket a/b', '--ticket must be 1 to 64'],
] as const) {
  test(`typed wrong, so exit 2 with an empty stdout: callseal ${words}`, async () => {
    const ran = await run(words);
    expect(ran).toMatchObject({ code: 2, stdout: '', opened: 0 });
    expect(ran.stderr).toContain(`callseal: error: ${said}`);
  });
}

test('no command at all is exit 2, and the help goes to stderr', async () => {
  const ran = await run('');
  expect(ran).toMatchObject({ code: 2, stdout: '' });
  expect(ran.stderr).toContain('Usage: callseal');
});

for (const [code, exit] of [
  ['NOT_FOUND', 3],
  ['NOT_AUTHENTIC', 4],
  ['REGISTRY_DOWN', 6],
  ['WORKER_RUNNING', 7],
  ['BAD_CONFIG', 8],
  ['CALL_SHREDDED', 9],
  ['STOPPING', 130],
] as const) {
  test(`${code} ends with ${exit}`, async () => {
    const error = new CallsealError(code, 'it is so', { hint: 'do this' });
    const ran = await run('list', { ports: failing(error) });
    expect(ran.code).toBe(exit);
    expect(ran.stderr).toContain('callseal: hint: do this\n');
  });
}

test('an abort ends with 130, and is no error', async () => {
  const ran = await run('list', { ports: failing(new DOMException('aborted', 'AbortError')) });
  expect(ran).toMatchObject({ code: 130, stderr: 'callseal: interrupted\n' });
});

test('a stranger’s error ends with 1; its message, which may quote what it choked on, is not shown', async () => {
  const ran = await run('list', { ports: failing(new SyntaxError('Unexpected token: Jane Doe')) });
  expect(ran.code).toBe(1);
  expect(ran.stderr).toContain('callseal: error: something unexpected happened: SyntaxError');
  expect(ran.stderr).not.toContain('Jane Doe');
});

test('every failure of closing is said', async () => {
  const closes = () =>
    Promise.reject(
      new AggregateError(
        [new CallsealError('REGISTRY_DOWN', 'the registry is away')],
        'closing was not clean',
      ),
    );
  const ran = await run('list', { ports: { registry: { calls: async () => [] } }, closes });
  expect(ran.code).toBe(6);
  expect(ran.stderr).toContain('closing was not clean');
  expect(ran.stderr).toContain('the registry is away');
});

test('a fallback profile is named on stderr, unless --json', async () => {
  const environment = {};
  const words = '--default-profile local config check';
  expect((await run(words, { environment })).stderr).toBe(
    'callseal: profile local (--profile names another)\n',
  );
  expect((await run(`${words} --json`, { environment })).stderr).toBe('');
  expect((await run(`--profile local ${words}`, { environment })).stderr).toBe('');
});

test('without any profile it is bad configuration, with what to type', async () => {
  const ran = await run('config check', { environment: {} });
  expect(ran.code).toBe(8);
  expect(ran.stderr).toContain('hint: say --profile NAME');
});

test('bad settings are said one line each, the process’s own problems first', async () => {
  const environment = { CALLSEAL_PROFILE: 'local', CALLSEAL_BUDGETS__CALLS: '0', CALLSEAL_NOPE: '1' };
  const ran = await run('config check', { environment, startProblems: () => ['started badly'] });
  expect(ran.code).toBe(8);
  const lines = ran.stderr.trim().split('\n');
  expect(lines[0]).toBe('callseal: error: started badly');
  expect(lines).toHaveLength(3);
});

test('--data and --keys are settings, relative to the working folder', async () => {
  const { stdout } = await run('config print --json --data there --keys k.json', { folder: '/somewhere' });
  expect(stdout).toContain('"value":"/somewhere/there","text":"/somewhere/there","origin":"--data"');
  expect(stdout).toContain('"value":"/somewhere/k.json","text":"/somewhere/k.json","origin":"--keys"');
});

test('--keys under another kind of keys is refused, and the flag is named', async () => {
  const ran = await run('config check --keys k.json --profile production');
  expect(ran.code).toBe(8);
  expect(ran.stderr).toContain('keys.file is no setting here');
  expect(ran.stderr).toContain('(--keys)');
});
