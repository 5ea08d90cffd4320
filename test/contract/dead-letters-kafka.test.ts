import { describe, vi } from 'vitest';
import { whatIsMissing } from '../services/env.ts';
import { deadLettersContract } from './dead-letters-suite.ts';

/** A young broker elects leaders and loads groups while the first tests run; a test that met that is tried once more. */
const ONCE_MORE = { retry: 1 };

const missing = await whatIsMissing('kafka');

// Every run joins and leaves the group.
vi.setConfig({ testTimeout: 60_000 });

describe.skipIf(missing)(`dead letters on a cluster ${missing ?? ''}`, ONCE_MORE, () => {
  deadLettersContract('kafka');
});
