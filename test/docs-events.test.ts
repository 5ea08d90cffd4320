import { execFileSync, spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test } from 'vitest';
import type { z } from 'zod';
import { topicNames } from '../src/adapters/inbox/topics.ts';
import { EVENT_KINDS, MADE_KINDS } from '../src/domain/artifacts.ts';
import { ACTIONS, type AuditEvent, hashOf } from '../src/domain/audit-event.ts';
import { auditEventSchema, claimCheckSchema } from '../src/domain/audit-schema.ts';
import { decodeEvent } from '../src/domain/decode-event.ts';
import { outcomeSchema } from '../src/domain/outcome-event.ts';

/** docs/events.md: what it shows is what the schemas, the decoder and the code say. */
const page = readFileSync('docs/events.md', 'utf8');

/** Code fences with a second word: what it is an example of, or the name of a program. */
function fences(language: string): { name: string; body: string }[] {
  return [...page.matchAll(/^```(\w+) (\S+)\n([\s\S]*?)^```/gm)]
    .filter(([, found]) => found === language)
    .map(([, , name = '', body = '']) => ({ name, body }));
}

const SCHEMAS: Readonly<Record<string, z.ZodType>> = {
  'callseal.call.outcome.v1': outcomeSchema,
  'callseal.transcript.sealed.v1.claim-check': claimCheckSchema,
  'callseal.audit.v1': auditEventSchema,
};

const EXAMPLES = fences('json');

function example(name: string): unknown {
  const body = EXAMPLES.find((found) => found.name === name)?.body;
  if (body === undefined) throw new Error(`docs/events.md has no example ${name}`);
  return JSON.parse(body);
}

test('every event type has an example, and every JSON on the page is one', () => {
  const named = new Set(EXAMPLES.map(({ name }) => name));
  expect([...named].toSorted()).toEqual(['structured', ...Object.keys(SCHEMAS)].toSorted());
  expect([...page.matchAll(/^```json/gm)]).toHaveLength(EXAMPLES.length);
});

for (const [i, { name, body }] of EXAMPLES.entries()) {
  if (name === 'structured') continue;
  test(`example ${i + 1}, ${name}, has the shape of its schema`, () => {
    expect(SCHEMAS[name]?.safeParse(JSON.parse(body)).error).toBeUndefined();
  });
}

test('the event that comes in is read without a warning', () => {
  const { body = '' } = EXAMPLES.find(({ name }) => name === 'structured') ?? {};
  const headers = { 'content-type': 'application/cloudevents+json' };
  expect(decodeEvent({ headers, value: Buffer.from(body) })).toMatchObject({ ok: true, unknownFields: 0 });
});

test('the audit example has the hash that it says', () => {
  const { hash, ...event } = example('callseal.audit.v1') as AuditEvent;
  expect(hashOf(event)).toBe(hash);
});

/** Words in backticks between two places of the page. */
function wordsBetween(from: string, to: string): string[] {
  const start = page.indexOf(from);
  const end = page.indexOf(to, start);
  if (start === -1 || end === -1) throw new Error(`docs/events.md has no ${start === -1 ? from : to}`);
  return [...page.slice(start, end).matchAll(/`([^`]+)`/g)].map(([, word = '']) => word);
}

test('the kinds on the page are those of the code', () => {
  expect(wordsBetween('Kinds: ', 'Kinds that only').toSorted()).toEqual([...EVENT_KINDS].toSorted());
  expect(wordsBetween('Kinds that only', '; an event that').toSorted()).toEqual([...MADE_KINDS].toSorted());
});

test('the audit actions on the page are those of the code', () => {
  expect(wordsBetween('Actions, a closed set: ', 'Some belong')).toHaveLength(ACTIONS.length);
  expect(wordsBetween('Actions, a closed set: ', 'Some belong').toSorted()).toEqual([...ACTIONS].toSorted());
});

test('the topics on the page are those of the code', () => {
  const { inbox, retry, replay, outputs } = topicNames('<p>');
  const rows = [...page.matchAll(/^\| `(<p>[^`]+)`/gm)].map(([, name = '']) => name);
  expect(rows.toSorted()).toEqual([...inbox, retry, replay, ...Object.values(outputs)].toSorted());
});

describe('producers', () => {
  const folder = mkdtempSync(join(tmpdir(), 'callseal-producers-'));
  afterAll(() => rmSync(folder, { recursive: true }));
  for (const { name, body } of [...fences('js'), ...fences('python')])
    writeFileSync(join(folder, name), body);
  const python = spawnSync('python3', ['--version']).status === 0;
  const { data } = example('structured') as { data: { tenant: string; call: string } };

  /** What the worker reads of the record that a program prints. */
  function readBack(printed: Buffer): { key: string; decoded: ReturnType<typeof decodeEvent> } {
    const { key, headers, value } = JSON.parse(printed.toString('utf8'));
    return { key, decoded: decodeEvent({ headers, value: Buffer.from(value) }) };
  }
  const argumentsOf = [JSON.stringify(data), 'c-0001.1'];

  test('the JavaScript record is one that the worker reads', () => {
    const main = `import { recordOf } from ${JSON.stringify(join(folder, 'record.mjs'))};
      const [data, id] = process.argv.slice(1);
      process.stdout.write(JSON.stringify(recordOf(JSON.parse(data), id)))`;
    const printed = execFileSync(process.execPath, ['--input-type=module', '-e', main, ...argumentsOf]);
    expect(readBack(printed)).toMatchObject({ key: 'demo/c-0001', decoded: { ok: true, unknownFields: 0 } });
  });

  test('the JavaScript send is JavaScript', () => {
    expect(spawnSync(process.execPath, ['--check', join(folder, 'send.mjs')]).status).toBe(0);
  });

  test.skipIf(!python)(
    `the Python record is one that the worker reads${python ? '' : ' (skipped: no python3)'}`,
    () => {
      const main =
        'import json, sys; from record import record_of; print(json.dumps(record_of(json.loads(sys.argv[1]), sys.argv[2])))';
      const printed = execFileSync('python3', ['-B', '-c', main, ...argumentsOf], { cwd: folder });
      expect(readBack(printed)).toMatchObject({
        key: 'demo/c-0001',
        decoded: { ok: true, unknownFields: 0 },
      });
    },
  );

  test.skipIf(!python)(`the Python send is Python${python ? '' : ' (skipped: no python3)'}`, () => {
    const main = 'import ast; ast.parse(open("send.py", encoding="utf-8").read())';
    expect(spawnSync('python3', ['-c', main], { cwd: folder }).status).toBe(0);
  });

  test('a record with another key or without its type is found', () => {
    const { decoded } = readBack(Buffer.from(JSON.stringify({ key: 'x', headers: {}, value: '{}' })));
    expect(decoded.ok).toBe(false);
  });
});
