import { describe } from 'vitest';
import { whatIsMissing } from '../services/env.ts';
import { registryContract } from './registry-suite.ts';

const missing = await whatIsMissing('postgres');

describe.skipIf(missing)(`on a real server ${missing ?? ''}`, () => {
  registryContract('postgres');
});
