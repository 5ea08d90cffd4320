import type { KMSClient } from '@aws-sdk/client-kms';
import { afterAll, beforeAll } from 'vitest';
import { aliasRules } from './aliases.ts';
import { ciphertextRules } from './ciphertexts.ts';
import { dataKeyRules } from './data-keys.ts';
import { keyLifeRules } from './key-life.ts';
import { KmsUser } from './kms-user.ts';
import { signatureRules } from './signatures.ts';

/** What a subject of the contract brings: a client that may do everything, and how to leave. */
export interface KmsSubject {
  readonly client: KMSClient;
  close(): Promise<void>;
}

/**
 * What AWS documents of the operations that callseal uses, written from the KMS API reference and developer guide. The
 * stand-in must pass all of it; where it differs from real AWS, it is the stand-in that is wrong.
 */
export function kmsContract(open: () => Promise<KmsSubject>): void {
  const kms = new KmsUser();
  let subject: KmsSubject;
  beforeAll(async () => {
    subject = await open();
    kms.use(subject.client);
  });
  afterAll(async () => {
    await kms.scheduleDeletions();
    await subject.close();
  });
  dataKeyRules(kms);
  ciphertextRules(kms);
  keyLifeRules(kms);
  aliasRules(kms);
  signatureRules(kms);
}
