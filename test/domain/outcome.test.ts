import { describe, expect, test } from 'vitest';
import { type DecisionFacts, outcomeOf } from '../../src/domain/outcome.ts';
import { INLINE_LIMIT, outcomeSchema } from '../../src/domain/outcome-event.ts';
import type { Receipt, SealedArtifact } from '../../src/domain/receipts.ts';

const artifact = (changes: Partial<SealedArtifact> = {}): SealedArtifact => ({
  id: 'transcript',
  kind: 'transcript',
  keyClass: 'phi',
  object: 't-1/u/a/transcript',
  keyName: 'key',
  plainBytes: 1,
  sealedBytes: 100,
  headerBytes: 1,
  frameLength: 1,
  sealDigest: 'd',
  plainDigest: 'keyed, and nobody else’s',
  source: { alias: 'edge', key: 'secret/place.json', version: 'etag' },
  warnings: [],
  ...changes,
});

const outcomeWith = (...artifacts: SealedArtifact[]) => {
  const receipt: Receipt = {
    tenant: 't-1',
    call: 'c-1',
    callUid: 'u',
    revision: 2,
    generation: 1,
    attempt: 'a',
    eventDigest: 'e',
    sealedAt: '',
    facts: { consent: { recording: 'granted' } },
    artifacts,
    warnings: ['KEY_NOT_CALL'],
  };
  const facts: DecisionFacts = {
    tenant: 't-1',
    call: 'c-1',
    callUid: 'u',
    revision: 2,
    answer: 'sealed-with-warnings',
    code: undefined,
    registryEpoch: 1,
    sequence: 7,
    current: { revision: 2, generation: 1 },
    sealed: { receipt, keys: [{ name: 'key', materialId: 'm-1' }], announce: ['transcript'] },
  };
  return outcomeOf(facts);
};

describe('how sealed bytes travel', () => {
  test('up to the limit with the event, above it as a claim check', () => {
    const [small, large] = outcomeWith(
      artifact({ sealedBytes: INLINE_LIMIT }),
      artifact({ id: 'long', sealedBytes: INLINE_LIMIT + 1 }),
    ).artifacts;
    expect([small?.announced, large?.announced]).toEqual(['inline', 'claim-check']);
  });

  test('never again where an earlier revision sealed them, nor where the policy does not list the kind', () => {
    const [carried, unlisted] = outcomeWith(
      artifact({ carriedFrom: 1 }),
      artifact({ id: 'audio', kind: 'audio' }),
    ).artifacts;
    expect(carried).not.toHaveProperty('announced');
    expect(unlisted).not.toHaveProperty('announced');
  });
});

test('an outcome is of its schema, names the key material, and says nothing of sources and plaintext', () => {
  const media = {
    container: 'wav',
    codec: 'pcm_s16le',
    endState: 'complete',
    bytes: 1,
    warnings: [],
  } as const;
  const outcome = outcomeWith(artifact({ media, sha256: 'f' }));
  expect(outcomeSchema.parse(outcome)).toEqual(outcome);
  expect(outcome.artifacts[0]).toMatchObject({ keyMaterialId: 'm-1', sha256: 'f' });
  expect(outcome.artifacts[0]?.media).toEqual({ container: 'wav', codec: 'pcm_s16le', endState: 'complete' });
  expect(outcome.warnings).toEqual(['KEY_NOT_CALL']);
  expect(JSON.stringify(outcome)).not.toMatch(/secret|keyed|etag/);
});
