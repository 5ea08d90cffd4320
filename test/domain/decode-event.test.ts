import { readFile } from 'node:fs/promises';
import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { decodeEvent } from '../../src/domain/decode-event.ts';

const sample = await readFile('samples/event.json');
const envelope = JSON.parse(sample.toString()) as Record<string, unknown>;
const data = envelope['data'] as Record<string, unknown> & { artifacts: Record<string, unknown>[] };

const binaryHeaders = {
  ce_specversion: '1.0',
  ce_id: 'e-1',
  ce_source: 'urn:edge',
  ce_type: 'callseal.call.completed.v1',
  'content-type': 'application/json',
};

function binary(body: unknown, headers: Record<string, string> = binaryHeaders) {
  return decodeEvent({ headers, value: Buffer.from(JSON.stringify(body)) });
}

function structured(change: Record<string, unknown>) {
  return decodeEvent({ headers: {}, value: Buffer.from(JSON.stringify({ ...envelope, ...change })) });
}

function codeOf(decoded: ReturnType<typeof decodeEvent>): string {
  return decoded.ok ? 'ok' : decoded.error.code;
}

function artifact(change: Record<string, unknown>): unknown {
  return { ...data, artifacts: [{ ...data.artifacts[0], ...change }] };
}

test('the sample reads the same in structured and in binary mode', () => {
  const one = decodeEvent({ headers: { 'content-type': 'application/cloudevents+json' }, value: sample });
  const two = binary(data);
  expect(one).toEqual(two);
  expect(one.ok).toBe(true);
});

test('the event digest does not depend on white space or the order of fields, but on unknown fields', () => {
  const reversed = Object.fromEntries(Object.entries(data).toReversed());
  const [one, two, three] = [binary(data), binary(reversed), binary({ ...data, extra: 1 })];
  if (!one.ok || !two.ok || !three.ok) throw new Error('all three are fine');
  expect(two.eventDigest).toBe(one.eventDigest);
  expect(three.eventDigest).not.toBe(one.eventDigest);
  expect([one.unknownFields, three.unknownFields]).toEqual([0, 1]);
});

test('unknown fields are counted at every depth and ignored', () => {
  const decoded = binary({
    ...data,
    a: 1,
    consent: { recording: 'granted', b: 2 },
    artifacts: [{ ...data.artifacts[0], c: { d: 1 } }],
  });
  expect(decoded.ok && decoded.unknownFields).toBe(3);
});

describe('a bad event is refused with its code', () => {
  const deep = `${'['.repeat(10_000)}${']'.repeat(10_000)}`;
  const refused: [string, ReturnType<typeof decodeEvent>, string][] = [
    [
      'broken JSON',
      decodeEvent({ headers: binaryHeaders, value: Buffer.from('{"tenant":') }),
      'EVENT_NOT_JSON',
    ],
    [
      'no UTF-8',
      decodeEvent({ headers: binaryHeaders, value: Buffer.from([0x22, 0xff, 0x22]) }),
      'EVENT_NOT_JSON',
    ],
    ['nothing at all', decodeEvent({ headers: binaryHeaders, value: Buffer.alloc(0) }), 'EVENT_NOT_JSON'],
    [
      '300 KB',
      decodeEvent({ headers: binaryHeaders, value: Buffer.alloc(300_000, 0x20) }),
      'EVENT_TOO_LARGE',
    ],
    [
      'nesting of 10,000',
      decodeEvent({ headers: binaryHeaders, value: Buffer.from(deep) }),
      'EVENT_TOO_DEEP',
    ],
    [
      '__proto__',
      decodeEvent({ headers: binaryHeaders, value: Buffer.from('{"__proto__":{"tenant":"t"}}') }),
      'EVENT_KEY_FORBIDDEN',
    ],
    ['constructor in an artifact', binary(artifact({ constructor: 1 })), 'EVENT_KEY_FORBIDDEN'],
    ['no envelope', binary(data, {}), 'EVENT_ENVELOPE'],
    ['another specversion', structured({ specversion: '0.3' }), 'EVENT_ENVELOPE'],
    ['no event id', structured({ id: undefined }), 'EVENT_ENVELOPE'],
    ['no data', structured({ data: undefined }), 'EVENT_ENVELOPE'],
    ['another data type', structured({ datacontenttype: 'text/xml' }), 'EVENT_ENVELOPE'],
    [
      'another content type',
      binary(data, { ...binaryHeaders, 'content-type': 'text/xml' }),
      'EVENT_ENVELOPE',
    ],
    ['an unknown major version', structured({ type: 'callseal.call.completed.v2' }), 'EVENT_VERSION_UNKNOWN'],
    ['somebody else’s type', structured({ type: 'com.example.thing' }), 'EVENT_TYPE_UNKNOWN'],
    ['data that is a list', binary([]), 'EVENT_SHAPE'],
    ['a lone surrogate', binary({ ...data, call: '\ud800' }), 'EVENT_SHAPE'],
    ['revision 0', binary({ ...data, revision: 0 }), 'EVENT_SHAPE'],
    ['revision 1.5', binary({ ...data, revision: 1.5 }), 'EVENT_SHAPE'],
    ['a tenant called ..', binary({ ...data, tenant: '..' }), 'EVENT_SHAPE'],
    ['a call id with a space', binary({ ...data, call: 'a b' }), 'EVENT_SHAPE'],
    ['an id of a made artifact', binary(artifact({ id: 'audio~index' })), 'EVENT_SHAPE'],
    ['no consent', binary({ ...data, consent: undefined }), 'EVENT_SHAPE'],
    ['a digest in upper case', binary(artifact({ sha256: 'A'.repeat(64) })), 'EVENT_SHAPE'],
    ['no artifact', binary({ ...data, artifacts: [] }), 'NO_ARTIFACT'],
    [
      '65 artifacts',
      binary({
        ...data,
        artifacts: Array.from({ length: 65 }, (_, i) => ({ ...data.artifacts[0], id: `a-${i}` })),
      }),
      'TOO_MANY_ARTIFACTS',
    ],
    [
      'the same id twice',
      binary({ ...data, artifacts: [data.artifacts[0], data.artifacts[0]] }),
      'ARTIFACT_ID_DUPLICATE',
    ],
    ['an unknown kind', binary(artifact({ kind: 'video' })), 'ARTIFACT_KIND_UNKNOWN'],
    ['an inherited property as kind', binary(artifact({ kind: 'toString' })), 'ARTIFACT_KIND_UNKNOWN'],
    ['a kind only the worker makes', binary(artifact({ kind: 'index' })), 'ARTIFACT_KIND_RESERVED'],
  ];
  for (const [what, decoded, code] of refused)
    test(`${what}: ${code}`, () => expect(codeOf(decoded)).toBe(code));
});

test('brackets inside strings do not count as nesting, nor does an escaped quote end one', () => {
  const call = { ...data, startedAt: undefined, note: `${'[{'.repeat(50)}"\\` };
  expect(codeOf(binary(call))).toBe('ok');
});

test('who it is about is known where tenant, call and revision can be read', () => {
  const readable = binary({ ...data, artifacts: [] });
  const unreadable = binary({ ...data, tenant: '../x', artifacts: [] });
  expect(!readable.ok && readable.identity).toEqual({ tenant: 'demo', call: 'intake-0001', revision: 1 });
  expect(!unreadable.ok && unreadable.identity).toBeUndefined();
});

test('a refusal never repeats what was sent', () => {
  const secret = 'Zaphod555';
  fc.assert(
    fc.property(
      fc.constantFrom('tenant', 'call', 'revision', 'startedAt', 'consent', 'artifacts', 'direction'),
      (field) => {
        const decoded = binary({ ...data, [field]: `${secret} ` });
        expect(decoded.ok).toBe(false);
        expect(decoded.ok ? '' : decoded.error.message).not.toContain(secret);
      },
    ),
    { seed: 1 },
  );
});

test('no bytes make it throw', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), fc.boolean(), (bytes, inBinary) => {
      expect(decodeEvent({ headers: inBinary ? binaryHeaders : {}, value: bytes }).ok).toBe(false);
    }),
    { seed: 2, numRuns: 500 },
  );
  fc.assert(
    fc.property(fc.json(), (json) => {
      expect(decodeEvent({ headers: binaryHeaders, value: Buffer.from(json) }).ok).toBe(false);
    }),
    { seed: 3, numRuns: 500 },
  );
});
