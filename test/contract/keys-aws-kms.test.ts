import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll } from 'vitest';
import { type KmsProcess, startKms } from '../services/kms-process.ts';
import { keysContract } from './keys-suite.ts';
import { awsKmsWorld } from './keys-worlds.ts';

let folder: string;
let kms: KmsProcess;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'callseal-keys-'));
  kms = await startKms(folder);
});
afterAll(async () => {
  await kms.stop();
  rmSync(folder, { recursive: true });
});

keysContract('aws-kms', async () => awsKmsWorld(kms, folder));
