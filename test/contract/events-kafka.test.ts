import { describe } from 'vitest';
import { whatIsMissing } from '../services/env.ts';
import { eventsContract } from './events-suite.ts';

const missing = await whatIsMissing('kafka');

describe.skipIf(missing)(`the events port: kafka ${missing ?? ''}`, () => {
  eventsContract('kafka');
});
