import { describe } from 'vitest';
import { whatIsMissing } from '../services/env.ts';
import { eventsContract } from './events-suite.ts';

/** A young broker elects leaders and loads groups while the first tests run; a test that met that is tried once more. */
const ONCE_MORE = { retry: 1 };

const missing = await whatIsMissing('kafka');

describe.skipIf(missing)(`the events port: kafka ${missing ?? ''}`, ONCE_MORE, () => {
  eventsContract('kafka');
});
