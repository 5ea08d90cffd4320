import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { certificateEnds, endOf } from '../../src/ops/certificate-ends.ts';
import { throwawayCa } from './throwaway-ca.ts';

let authority: ReturnType<typeof throwawayCa>;
let sooner: string;
let later: string;

beforeAll(() => {
  authority = throwawayCa();
  sooner = authority.issue('sooner', 1).cert;
  later = authority.issue('later', 3).cert;
});
afterAll(() => rmSync(authority.folder, { recursive: true }));

test('a chain ends with the first of it to end, a bundle of authorities with the last', () => {
  const [first, last] = [endOf(sooner, false), endOf(later, false)];
  expect(last?.getTime()).toBeGreaterThan(first?.getTime() ?? Number.POSITIVE_INFINITY);
  for (const both of [sooner + later, later + sooner]) {
    expect(endOf(both, false)).toEqual(first);
    expect(endOf(both, true)).toEqual(last);
  }
});

test('files are read as they are now, by setting; what is no certificate is left out', async () => {
  const path = join(authority.folder, 'rotated.pem');
  const files = { 'kafka.tls.cert': path, 'kafka.tls.ca': join(authority.folder, 'nothing') };
  writeFileSync(path, sooner);
  expect(await certificateEnds(files)).toEqual([{ setting: 'kafka.tls.cert', endsAt: endOf(sooner, false) }]);
  writeFileSync(path, later);
  expect(await certificateEnds(files)).toEqual([{ setting: 'kafka.tls.cert', endsAt: endOf(later, false) }]);
  writeFileSync(path, later.replace(/[A-Za-z]{20}/, '!'));
  expect(await certificateEnds(files)).toEqual([]);
});
