import { describe, vi } from 'vitest';
import { whatIsMissing } from '../services/env.ts';
import { inboxContract } from './inbox-suite.ts';

const missing = await whatIsMissing('kafka');

// Every kill costs the end of the dead member's session, and every run joins and leaves the group.
vi.setConfig({ testTimeout: 180_000 });

describe.skipIf(missing)(`the inbox port: kafka ${missing ?? ''}`, () => {
  inboxContract('kafka');
});
