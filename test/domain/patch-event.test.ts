import { describe, expect, test } from 'vitest';
import { parsePatch, patchEvent, patchSteps } from '../../src/domain/patch-event.ts';

const DATA = { tenant: 't-1', call: 'c-1', artifacts: [{ source: { key: 'old.wav' } }] };
const PATCH = parsePatch('[{"op":"replace","path":"/artifacts/0/source/key","value":"new.wav"}]');

function code(act: () => unknown): unknown {
  try {
    return act();
  } catch (error) {
    return (error as { code?: string }).code;
  }
}

describe('a patch', () => {
  test('changes data of a binary event, and nothing else of the record', () => {
    const value = Buffer.from(JSON.stringify(DATA));
    const letter = { key: 't-1/c-1', headers: { ce_specversion: '1.0' }, value };
    const patched = patchEvent(letter, PATCH);
    expect(JSON.parse(patched.value.toString())).toEqual({
      ...DATA,
      artifacts: [{ source: { key: 'new.wav' } }],
    });
    expect({ ...patched, value }).toEqual(letter);
    expect(letter.value.toString()).toContain('old.wav');
  });

  test('changes data inside a structured event', () => {
    const value = Buffer.from(JSON.stringify({ specversion: '1.0', id: 'e', data: DATA }));
    const patched = patchEvent({ key: undefined, headers: {}, value }, PATCH);
    expect(JSON.parse(patched.value.toString())).toMatchObject({
      id: 'e',
      data: { artifacts: [{ source: { key: 'new.wav' } }] },
    });
  });

  test('that does not fit an event is refused whole', () => {
    const letter = { key: undefined, headers: { ce_specversion: '1.0' }, value: Buffer.from('{}') };
    expect(code(() => patchEvent(letter, PATCH))).toBe('REFUSED');
    expect(code(() => patchEvent({ ...letter, value: Buffer.from('nonsense') }, PATCH))).toBe(
      'EVENT_NOT_JSON',
    );
    const tests = parsePatch('[{"op":"test","path":"/revision","value":1}]');
    expect(code(() => patchEvent({ ...letter, value: Buffer.from('{"revision":2}') }, tests))).toBe(
      'REFUSED',
    );
  });

  test('is the same text however it was written, and is shown without its values', () => {
    expect(parsePatch('[ {"value":1, "path":"/a", "op":"add"} ]')).toBe(
      '[{"op":"add","path":"/a","value":1}]',
    );
    expect(patchSteps(PATCH)).toEqual([{ op: 'replace', path: '/artifacts/0/source/key' }]);
  });

  const refused: Record<string, string> = {
    'is no JSON': 'x',
    'is no array': '{"op":"add","path":"/a","value":1}',
    'is empty': '[]',
    'has an operation that RFC 6902 does not know': '[{"op":"run","path":"/a"}]',
    'replaces the whole event': '[{"op":"replace","path":"","value":{}}]',
    'changes the tenant': '[{"op":"replace","path":"/tenant","value":"t-2"}]',
    'moves the call away': '[{"op":"move","from":"/call","path":"/x"}]',
    'reaches a prototype': '[{"op":"add","path":"/__proto__/x","value":1}]',
    'reaches a constructor': '[{"op":"copy","from":"/a","path":"/constructor/prototype"}]',
  };
  for (const [what, text] of Object.entries(refused)) {
    test(`that ${what} is no patch`, () => expect(code(() => parsePatch(text))).toBe('USAGE'));
  }
});
