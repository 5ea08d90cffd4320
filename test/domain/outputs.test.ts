import { expect, test } from 'vitest';
import type { AnswerRow } from '../../src/domain/answers.ts';
import { eventId, type OutcomeArtifact } from '../../src/domain/outcome-event.ts';
import { cloudEventHeaders, outputsOf } from '../../src/domain/outputs.ts';

const UID = '6f1c1b3e-0c55-4ae0-9d49-0a3c3a5a7f10';

const ARTIFACT: OutcomeArtifact = {
  id: 'transcript',
  kind: 'transcript',
  object: 't-1/u-1/a-1/transcript',
  namespace: 'callseal',
  keyName: 'k-1',
  keyClass: 'phi',
  keyMaterialId: 'm-1',
  format: 'aws-esdk-v2-0478',
  sealedBytes: 5,
  sealDigest: 'ab',
  sha256: 'cd',
  warnings: [],
  announced: 'inline',
};

function rowOf(artifacts: readonly OutcomeArtifact[]): AnswerRow {
  return {
    uid: UID,
    origin: { topic: 'calls', partition: 0, offset: 4 },
    replay: 1,
    callUid: 'u-1',
    decidedAt: '2026-11-24T10:00:00.000Z',
    outcome: JSON.stringify({ tenant: 't-1', call: 'c-1', artifacts }),
  } as unknown as AnswerRow;
}

const SEALED = Buffer.from('bytes');
const read = async (): Promise<Buffer> => await Promise.resolve(SEALED);

test('an answer without an outcome publishes nothing', async () => {
  const silent = { ...rowOf([ARTIFACT]), outcome: undefined };
  expect(await outputsOf(silent, read)).toEqual([]);
});

test('the outcome comes last, as the very text of the row', async () => {
  const row = rowOf([ARTIFACT]);
  const outputs = await outputsOf(row, read);
  expect(outputs.map(({ topic, key }) => [topic, key])).toEqual([
    ['transcripts', 't-1/c-1'],
    ['outcome', 't-1/c-1'],
  ]);
  expect(String(outputs[1]?.value)).toBe(row.outcome);
  expect(outputs[1]?.headers).toEqual({
    ce_specversion: '1.0',
    ce_id: outputs[1]?.id,
    ce_source: 'callseal',
    ce_type: 'callseal.call.outcome.v1',
    ce_time: '2026-11-24T10:00:00.000Z',
    'content-type': 'application/json',
    'callseal-origin': 'calls/0/4',
    'callseal-replay': '1',
  });
});

test('an inline artifact travels as the sealed object itself, with what a reader compares', async () => {
  const [transcript] = await outputsOf(rowOf([ARTIFACT]), read);
  expect(transcript?.value).toBe(SEALED);
  expect(transcript?.headers).toMatchObject({
    ce_subject: 'transcript',
    ce_type: 'callseal.transcript.sealed.v1',
    'content-type': 'application/vnd.callseal.sealed',
    'callseal-kind': 'transcript',
    'callseal-namespace': 'callseal',
    'callseal-key-name': 'k-1',
    'callseal-call-uid': 'u-1',
  });
});

test('a claim check names object, length and digest, and reads nothing', async () => {
  const refuse = async (): Promise<never> => await Promise.reject(new Error('not to be read'));
  const [transcript] = await outputsOf(rowOf([{ ...ARTIFACT, announced: 'claim-check' }]), refuse);
  expect(JSON.parse(String(transcript?.value))).toEqual({
    object: 't-1/u-1/a-1/transcript',
    sealedBytes: 5,
    sha256: 'cd',
  });
  expect(transcript?.headers['content-type']).toBe('application/json');
});

test('an artifact that is not announced is not read; bytes that are gone are left out', async () => {
  const { announced: _, ...quiet } = ARTIFACT;
  const asked: string[] = [];
  const gone = async (artifact: OutcomeArtifact): Promise<undefined> => void asked.push(artifact.id);
  const outputs = await outputsOf(rowOf([{ ...quiet, id: 'quiet' }, ARTIFACT]), gone);
  expect(asked).toEqual(['transcript']);
  expect(outputs.map(({ topic }) => topic)).toEqual(['outcome']);
});

test('made again, the same outputs have the same ids; each output has its own', async () => {
  const row = rowOf([ARTIFACT, { ...ARTIFACT, id: 'other' }]);
  const ids = (await outputsOf(row, read)).map(({ id }) => id);
  expect((await outputsOf(row, read)).map(({ id }) => id)).toEqual(ids);
  expect(new Set(ids).size).toBe(3);
});

test('an event id is UUIDv5 of answer, type and artifact: frozen', () => {
  expect(eventId(UID, 'callseal.call.outcome.v1')).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab]/);
  expect(eventId(UID, 'a', 'b')).not.toBe(eventId(UID, 'a', 'c'));
  expect(eventId(UID, 'a')).toBe(eventId(UID, 'a', ''));
});

test('a subject that is not there has no header', () => {
  const headers = cloudEventHeaders({ id: 'i', type: 't', time: 'now', contentType: 'c' });
  expect(Object.keys(headers)).not.toContain('ce_subject');
});
