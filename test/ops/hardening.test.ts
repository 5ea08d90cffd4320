import { expect, test } from 'vitest';
import { coreLimitOf, startProblems } from '../../src/ops/hardening.ts';

const problemsOf = (options: string[], environment: Record<string, string> = {}): string[] =>
  startProblems({ options, environment });

test('bin/callseal starts Node.js with nothing that is refused', () => {
  expect(
    problemsOf(['--disable-proto=delete', '--disable-sigusr1', '--disable-warning=ExperimentalWarning']),
  ).toEqual([]);
});

for (const option of [
  '--inspect',
  '--inspect-brk=0.0.0.0:9229',
  '--tls-keylog=/tmp/keys',
  '--tls-min-v1.0',
  '--tls-max-v1.2',
  '--heapsnapshot-signal=SIGUSR2',
  '--heap-prof',
  '--report-on-signal',
]) {
  const name = option.split('=')[0] ?? option;
  test(`${name} is refused, on the command line and in NODE_OPTIONS`, () => {
    expect(problemsOf([option])).toEqual([expect.stringContaining(`${name} on the command line`)]);
    expect(problemsOf([], { NODE_OPTIONS: `--trace-warnings ${option}` })).toEqual([
      expect.stringContaining(`${name} on NODE_OPTIONS`),
    ]);
  });
}

test('--tls-min-v1.3 is no problem', () => {
  expect(problemsOf(['--tls-min-v1.3'])).toEqual([]);
});

test('switched-off certificate checks are refused', () => {
  expect(problemsOf([], { NODE_TLS_REJECT_UNAUTHORIZED: '0' })).toEqual([
    expect.stringContaining('NODE_TLS_REJECT_UNAUTHORIZED is 0'),
  ]);
  expect(problemsOf([], { NODE_TLS_REJECT_UNAUTHORIZED: '1' })).toEqual([]);
});

test('the core limit is the soft one', () => {
  const limits = `Limit                     Soft Limit           Hard Limit           Units
Max core file size        0                    unlimited            bytes`;
  expect(coreLimitOf(limits)).toBe('0');
  expect(coreLimitOf(limits.replace('0    ', 'unlimited'))).toBe('unlimited');
  expect(coreLimitOf('')).toBeUndefined();
});
