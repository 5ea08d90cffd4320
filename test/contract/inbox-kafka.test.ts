import { describe, vi } from 'vitest';
import { whatIsMissing } from '../services/env.ts';
import { inboxContract } from './inbox-suite.ts';

/** A young broker elects leaders and loads groups while the first tests run; a test that met that is tried once more. */
const ONCE_MORE = { retry: 1 };

const missing = await whatIsMissing('kafka');

// Every kill costs the end of the dead member's session, and every run joins and leaves the group.
vi.setConfig({ testTimeout: 180_000 });

describe.skipIf(missing)(`the inbox port: kafka ${missing ?? ''}`, ONCE_MORE, () => {
  inboxContract('kafka');
});
