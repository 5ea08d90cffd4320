import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { isId } from '../../src/domain/ids.ts';
import { attemptOf, attemptPrefix, callUidOf, objectName } from '../../src/domain/object-names.ts';

const id = fc.stringMatching(/^[A-Za-z0-9._-]{1,128}$/).filter(isId);

test('an object name gives its call uid and attempt back, and stands under its attempt', () => {
  fc.assert(
    fc.property(id, id, id, id, (tenant, callUid, attempt, artifact) => {
      const name = objectName(tenant, callUid, attempt, artifact);
      expect(attemptOf(name)).toBe(attempt);
      expect(callUidOf(name)).toBe(callUid);
      expect(name.startsWith(attemptPrefix(tenant, callUid, attempt))).toBe(true);
    }),
    { seed: 20261124 },
  );
});

test('no attempt is a prefix of another: the sweep of one never meets the objects of the other', () => {
  expect(objectName('t', 'u', 'a-10', 'x').startsWith(attemptPrefix('t', 'u', 'a-1'))).toBe(false);
});

test('a name that this product did not make has neither', () => {
  for (const name of ['', 'a', 'a/b/c', 'a/b/c/d/e', '/']) {
    expect(attemptOf(name)).toBeUndefined();
    expect(callUidOf(name)).toBeUndefined();
  }
});
