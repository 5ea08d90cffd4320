import { describe, expect, test } from 'vitest';
import { authoriseEvent, authoriseTenant } from '../../src/domain/authorise.ts';
import type { CallEvent } from '../../src/domain/call-event.ts';
import { isSourceKey } from '../../src/domain/source-key.ts';
import type { Tenant } from '../../src/domain/tenants.ts';

const tenant: Tenant = {
  id: 't-42',
  topic: 'calls',
  aliases: ['edge-eu'],
  keks: { phi: 'a', voiceprint: 'b' },
  policy: {
    consent: { unknown: 'refuse', onWithdrawal: 'keep' },
    transcriptEvents: [],
    digests: [],
    plainDigest: true,
    numericIds: 'warn',
  },
};

function event(source: { alias: string; key: string }, call = 'c-1'): CallEvent {
  return {
    tenant: 't-42',
    call,
    revision: 1,
    consent: { recording: 'granted' },
    artifacts: [{ id: 'a', kind: 'audio', source }],
  };
}

test('a tenant speaks through its own topic only', () => {
  expect(authoriseTenant(tenant, 'calls')).toBe(tenant);
  expect(() => authoriseTenant(tenant, 'others')).toThrow(
    expect.objectContaining({ code: 'TENANT_NOT_OF_TOPIC' }),
  );
  expect(() => authoriseTenant(undefined, 'calls')).toThrow(
    expect.objectContaining({ code: 'TENANT_UNKNOWN' }),
  );
});

test('another tenant’s alias is refused', () => {
  expect(() => authoriseEvent(event({ alias: 'edge-us', key: 'a.wav' }), tenant)).toThrow(
    expect.objectContaining({ code: 'ALIAS_NOT_OF_TENANT' }),
  );
});

test('an id that looks like a phone number is refused where the policy says so', () => {
  const call = event({ alias: 'edge-eu', key: 'a.wav' }, '5550142199');
  expect(() => authoriseEvent(call, tenant)).not.toThrow();
  const strict = { ...tenant, policy: { ...tenant.policy, numericIds: 'refuse' as const } };
  expect(() => authoriseEvent(call, strict)).toThrow(expect.objectContaining({ code: 'ID_IS_NUMBER' }));
});

describe('a source key is a plain relative name', () => {
  for (const key of ['a.wav', '2026/11/24/c-0001.wav', 'ü/ä.json', '...', 'a..b', '.hidden']) {
    test(`${JSON.stringify(key)} is one`, () => expect(isSourceKey(key)).toBe(true));
  }
  for (const key of [
    '',
    '..',
    '../a',
    'a/../b',
    'a/..',
    './a',
    '/etc/passwd',
    'a//b',
    'a/',
    'file:///etc/passwd',
    'https://x/y',
    'C:\\x',
    'a\\..\\b',
    'a\u0000b',
    'a\nb',
    'a\u001b[2J',
    'a\u009bb',
    'x'.repeat(1025),
  ]) {
    test(`${JSON.stringify(key.slice(0, 30))} is not`, () => {
      expect(isSourceKey(key)).toBe(false);
      expect(() => authoriseEvent(event({ alias: 'edge-eu', key }), tenant)).toThrow(
        expect.objectContaining({ code: 'SOURCE_KEY_FORBIDDEN' }),
      );
    });
  }
});
