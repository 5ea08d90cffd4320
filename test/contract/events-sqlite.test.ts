import { describe } from 'vitest';
import { eventsContract } from './events-suite.ts';

describe('the events port: sqlite', () => {
  eventsContract('sqlite');
});
