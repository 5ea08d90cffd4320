import { expect, test } from 'vitest';
import { NAMESPACE, sealContext } from '../../src/domain/receipts.ts';

test('what is bound into an object: tenant, call uid, artifact, kind. Frozen: sealed objects carry it for ever', () => {
  expect(NAMESPACE).toBe('callseal');
  expect(sealContext('t-1', 'u-1', 'one', 'audio')).toEqual({
    tenant: 't-1',
    call: 'u-1',
    artifact: 'one',
    kind: 'audio',
  });
});
