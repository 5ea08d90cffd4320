import {
  EncryptCommand,
  GenerateDataKeyCommand,
  GenerateDataKeyWithoutPlaintextCommand,
} from '@aws-sdk/client-kms';
import { describe, expect, test } from 'vitest';
import { CONTEXT, type KmsUser, refusal } from './kms-user.ts';

export function dataKeyRules(kms: KmsUser): void {
  describe('data keys', () => {
    test('a data key opens again under its context and names its key and key material', async () => {
      const key = await kms.newKey();
      const sealed = await kms.dataKey(key.KeyId);
      const opened = await kms.open(sealed.CiphertextBlob, key.Arn);
      expect(sealed.Plaintext).toHaveLength(32);
      expect(opened.Plaintext).toEqual(sealed.Plaintext);
      expect([sealed.KeyId, opened.KeyId]).toEqual([key.Arn, key.Arn]);
      expect(sealed.KeyMaterialId).toMatch(/^[0-9a-f]{64}$/);
      expect(opened.KeyMaterialId).toBe(sealed.KeyMaterialId);
      expect((await kms.stateOf(key.KeyId))?.CurrentKeyMaterialId).toBe(sealed.KeyMaterialId);
    });

    test('the same request twice gives two data keys', async () => {
      const key = await kms.newKey();
      const [one, two] = [await kms.dataKey(key.KeyId), await kms.dataKey(key.KeyId)];
      expect(one.Plaintext).not.toEqual(two.Plaintext);
    });

    test('without plaintext means without plaintext, and it opens all the same', async () => {
      const key = await kms.newKey();
      const sealed = await kms.send(
        new GenerateDataKeyWithoutPlaintextCommand({
          KeyId: key.KeyId,
          NumberOfBytes: 48,
          EncryptionContext: CONTEXT,
        }),
      );
      expect('Plaintext' in sealed).toBe(false);
      expect((await kms.open(sealed.CiphertextBlob)).Plaintext).toHaveLength(48);
    });

    test('exactly one of KeySpec and NumberOfBytes', async () => {
      const { KeyId } = await kms.newKey();
      expect(await refusal(kms.send(new GenerateDataKeyCommand({ KeyId })))).toBe('ValidationException');
      expect(
        await refusal(kms.send(new GenerateDataKeyCommand({ KeyId, KeySpec: 'AES_256', NumberOfBytes: 32 }))),
      ).toBe('ValidationException');
      expect(await refusal(kms.send(new GenerateDataKeyCommand({ KeyId, NumberOfBytes: 1025 })))).toBe(
        'ValidationException',
      );
    });

    test('what was encrypted opens', async () => {
      const { KeyId } = await kms.newKey();
      const Plaintext = Buffer.from('short');
      const { CiphertextBlob } = await kms.send(
        new EncryptCommand({ KeyId, Plaintext, EncryptionContext: CONTEXT }),
      );
      expect(Buffer.from((await kms.open(CiphertextBlob)).Plaintext ?? [])).toEqual(Plaintext);
    });
  });

  describe('encryption context', () => {
    test('the order of its pairs is of no meaning', async () => {
      const { KeyId } = await kms.newKey();
      const sealed = await kms.dataKey(KeyId, { a: '1', b: '2' });
      expect((await kms.open(sealed.CiphertextBlob, KeyId, { b: '2', a: '1' })).Plaintext).toEqual(
        sealed.Plaintext,
      );
    });

    test.for([
      ['none', {}],
      ['a pair less', { ab: 'c' }],
      ['a pair more', { ab: 'c', d: 'ef', x: 'y' }],
      ['another value', { ab: 'c', d: 'eg' }],
      ['another case', { AB: 'c', d: 'ef' }],
      ['the same letters cut elsewhere', { a: 'bc', d: 'ef' }],
      ['names and values exchanged', { c: 'ab', ef: 'd' }],
    ] as [string, Record<string, string>][])('a data key does not open under %s', async ([, context]) => {
      const { KeyId } = await kms.newKey();
      const sealed = await kms.dataKey(KeyId, { ab: 'c', d: 'ef' });
      expect(await refusal(kms.open(sealed.CiphertextBlob, KeyId, context))).toBe(
        'InvalidCiphertextException',
      );
    });
  });
}
