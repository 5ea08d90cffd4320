import { expect, test } from 'vitest';
import { type HealthFacts, judgeHealth, STUCK_AFTER_MS } from '../../src/ops/health.ts';

const WELL: HealthFacts = { phase: 'working', inHand: 1, sinceMovedMs: 0, pausedForAll: [] };
const WELL_IS = { live: [], ready: [], started: [] };

const RULES: readonly (readonly [rule: string, facts: Partial<HealthFacts>, health: object])[] = [
  ['who works is live, ready and started', {}, {}],
  ['who starts is live, not ready', { phase: 'starting' }, { ready: ['STARTING'], started: ['STARTING'] }],
  ['who stops finishes what is in hand and is live', { phase: 'stopping' }, { ready: ['STOPPING'] }],
  ['a worker that failed is dead', { phase: 'ended' }, { live: ['ENDED'], ready: ['ENDED'] }],
  [
    'a dependency that everybody waits for makes nobody dead',
    { pausedForAll: ['KMS_DOWN', 'STORE_DOWN', 'KMS_DOWN'] },
    { ready: ['KMS_DOWN', 'STORE_DOWN'] },
  ],
  [
    'deliveries in hand and no movement for long is stuck',
    { sinceMovedMs: STUCK_AFTER_MS + 1 },
    { live: ['STUCK'], ready: ['STUCK'] },
  ],
  ['movement until a moment ago is not', { sinceMovedMs: STUCK_AFTER_MS }, {}],
  ['nothing in hand is idle, however long', { inHand: 0, sinceMovedMs: 100 * STUCK_AFTER_MS }, {}],
  [
    'a drain can be stuck too',
    { phase: 'stopping', sinceMovedMs: STUCK_AFTER_MS + 1 },
    { live: ['STUCK'], ready: ['STOPPING', 'STUCK'] },
  ],
];

for (const [rule, facts, health] of RULES) {
  test(`health: ${rule}`, () => {
    expect(judgeHealth({ ...WELL, ...facts })).toEqual({ ...WELL_IS, ...health });
  });
}
