import { expect, test } from 'vitest';
import type { Probe } from '../../src/commands/app.ts';
import { CallsealError } from '../../src/domain/errors.ts';
import { bad, down, type Finding, loud, ok } from '../../src/domain/findings.ts';
import { documentsIn, run } from './host.ts';

const FINE = ok('tls', 'TLSv1.3 with host:1');
const WARNED = loud('standby', 'no standby', 'make one');
const WRONG = bad('bucket', 'not there', 'make it');
const AWAY = down('tls', 'host:1 cannot be reached', 'start it');

const probe = (dependency: string, ...findings: readonly Finding[]): Probe => ({
  dependency,
  look: async () => findings,
});

const connect = async (words: string, ...probes: readonly Probe[]) =>
  await run(`doctor --connect ${words}`, { probes: async () => probes });

test.for([
  ['all is ok', [FINE], 0],
  ['something is only loud', [FINE, WARNED], 0],
  ['one does not answer', [FINE, AWAY], 6],
  ['one is set wrong', [WARNED, WRONG], 8],
  ['one does not answer and another is set wrong', [AWAY, WRONG], 8],
] as const)('it ends with the code for: %s', async ([, findings, code]) => {
  expect((await connect('', probe('objects', ...findings))).code).toBe(code);
});

test('each finding is a line, in the order of the settings, and what is not ok has a hint', async () => {
  const ran = await connect(
    '',
    probe('registry', FINE, WARNED),
    probe('objects', AWAY),
    probe('keys', WRONG),
  );
  expect(ran.stdout.split('\n').slice(2, -1)).toEqual([
    'registry tls      ok    TLSv1.3 with host:1',
    'registry standby  WARN  no standby',
    'objects tls       DOWN  host:1 cannot be reached',
    'keys bucket       BAD   not there',
  ]);
  expect(ran.stderr).toBe(
    [
      'callseal: hint: registry standby: make one',
      'callseal: hint: objects tls: start it',
      'callseal: hint: keys bucket: make it',
      '',
    ].join('\n'),
  );
});

test('with --json it is one document that holds everything', async () => {
  const ran = await connect('--json', probe('registry', FINE), probe('keys', WRONG));
  const document: unknown = JSON.parse(ran.stdout);
  expect(document).toMatchObject({
    ok: false,
    exit: 8,
    checks: [
      { dependency: 'machine', name: 'settings', status: 'ok' },
      { dependency: 'registry', name: 'tls', status: 'ok', finding: 'TLSv1.3 with host:1' },
      { dependency: 'keys', name: 'bucket', status: 'bad', finding: 'not there', hint: 'make it' },
    ],
  });
});

test('a probe that throws is a finding without its words, and keeps nobody from hearing of the others', async () => {
  const broken: Probe = {
    dependency: 'keys',
    look: async () => await Promise.reject(new RangeError('a key: 0a0b0c')),
  };
  const ran = await connect('', broken, probe('objects', FINE));
  expect(ran.code).toBe(8);
  expect(ran.stdout).toMatch(/^keys probe +BAD +failed in a way that is not known \(RangeError\)$/m);
  expect(ran.stdout).toMatch(/^objects tls +ok/m);
  expect(ran.stdout + ran.stderr).not.toContain('0a0b0c');
});

test('a refusal of its own keeps its words and its hint', async () => {
  const refused = new CallsealError('BAD_CONFIG', 'over https only', { hint: 'say https://' });
  const ran = await connect('', { dependency: 'keys', look: async () => await Promise.reject(refused) });
  expect(ran).toMatchObject({ code: 8, stderr: 'callseal: hint: keys settings: say https://\n' });
  expect(ran.stdout).toMatch(/^keys settings +BAD +over https only$/m);
});

test('what the machine lacks is told with the rest', async () => {
  const checks = async () => [
    { name: 'clock', ok: true, finding: 'right', hint: 'never said' },
    { name: 'core files', ok: false, finding: 'would be written', hint: 'ulimit -c 0' },
  ];
  const ran = await run('doctor --connect', { checks, probes: async () => [probe('objects', FINE)] });
  expect(ran).toMatchObject({ code: 8, stderr: 'callseal: hint: core files: ulimit -c 0\n' });
});

test('with bad settings nothing is looked at', async () => {
  const environment = { CALLSEAL_PROFILE: 'local', CALLSEAL_BUDGETS__CALLS: '0' };
  const ran = await run('doctor --connect --json', {
    environment,
    probes: async () => await Promise.reject(new Error('must not be asked')),
  });
  expect(ran.code).toBe(8);
  expect(documentsIn(ran.stdout.replaceAll('\n', ''))).toMatchObject([
    { checks: [{ name: 'settings', status: 'bad' }] },
  ]);
});

test('without --connect no service is looked at', async () => {
  const ran = await run('doctor', {
    probes: async () => await Promise.reject(new Error('must not be asked')),
  });
  expect(ran.code).toBe(0);
});

test('a signal ends it as one: no finding is made of it', async () => {
  const stop = new AbortController();
  const hanging: Probe = {
    dependency: 'objects',
    look: async (signal) => {
      stop.abort();
      signal.throwIfAborted();
      return [];
    },
  };
  const ran = await run('doctor --connect', { signal: stop.signal, probes: async () => [hanging] });
  expect(ran).toMatchObject({ code: 130, stdout: '' });
});
