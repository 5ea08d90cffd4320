import { expect, test } from 'vitest';
import { certificateFinding, clockFinding } from '../../src/domain/findings.ts';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;

test.for([
  [0, 'ok'],
  [5 * SECOND, 'ok'],
  [-5 * SECOND, 'ok'],
  [5 * SECOND + 1, 'loud'],
  [-6 * SECOND, 'loud'],
  [5 * MINUTE, 'loud'],
  [5 * MINUTE + 1, 'bad'],
  [-20 * MINUTE, 'bad'],
] as const)('a clock that is %i ms ahead is %s', ([skew, status]) => {
  expect(clockFinding(skew).status).toBe(status);
});

test('a clock says in which direction it is wrong, and what to type', () => {
  expect(clockFinding(-61_400)).toMatchObject({
    finding: 'this machine is 61 s behind it',
    hint: expect.stringContaining('timedatectl'),
  });
  expect(clockFinding(400 * SECOND).finding).toBe(
    'this machine is 400 s ahead of it: signatures are refused from 5 minutes on',
  );
});

const NOW = new Date('2026-11-01T12:00:00Z');

test.for([
  ['2026-11-01T12:00:00Z', 'bad', 'ended on 2026-11-01'],
  ['2026-10-01T00:00:00Z', 'bad', 'ended on 2026-10-01'],
  ['2026-11-01T12:00:01Z', 'loud', '0 days left, until 2026-11-01'],
  ['2026-11-03T11:59:59Z', 'loud', '1 day left, until 2026-11-03'],
  ['2026-11-15T11:59:59Z', 'loud', '13 days left, until 2026-11-15'],
  ['2026-11-15T12:00:00Z', 'ok', '14 days left, until 2026-11-15'],
] as const)('a certificate that ends at %s is %s: %s', ([until, status, finding]) => {
  expect(certificateFinding(new Date(until), NOW, 'host:1')).toMatchObject({ status, finding });
});

test('what is not ok says what to do', () => {
  expect(certificateFinding(NOW, NOW, 'host:1').hint).toBe('renew the certificate of host:1');
});
