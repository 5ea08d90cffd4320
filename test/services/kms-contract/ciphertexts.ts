import {
  DecryptCommand,
  DescribeKeyCommand,
  GenerateDataKeyCommand,
  ReEncryptCommand,
} from '@aws-sdk/client-kms';
import { describe, expect, test } from 'vitest';
import { CONTEXT, type KmsUser, refusal } from './kms-user.ts';

export function ciphertextRules(kms: KmsUser): void {
  describe('ciphertexts', () => {
    test('a flipped bit at the end, a cut end and random bytes do not open', async () => {
      const { KeyId } = await kms.newKey();
      const blob = Buffer.from((await kms.dataKey(KeyId)).CiphertextBlob ?? []);
      const flipped = Buffer.from(blob);
      flipped.writeUInt8(flipped.readUInt8(flipped.length - 1) ^ 1, flipped.length - 1);
      for (const broken of [
        flipped,
        blob.subarray(0, -1),
        blob.subarray(0, 20),
        Buffer.alloc(blob.length, 7),
      ]) {
        expect(await refusal(kms.open(broken, KeyId))).toBe('InvalidCiphertextException');
      }
    });

    test('a named key that is another one is refused', async () => {
      const [key, other] = [await kms.newKey(), await kms.newKey()];
      const { CiphertextBlob } = await kms.dataKey(key.KeyId);
      expect(await refusal(kms.open(CiphertextBlob, other.KeyId))).toBe('IncorrectKeyException');
      expect(
        await refusal(
          kms.send(
            new ReEncryptCommand({
              CiphertextBlob,
              SourceKeyId: other.KeyId,
              SourceEncryptionContext: CONTEXT,
              DestinationKeyId: other.KeyId,
            }),
          ),
        ),
      ).toBe('IncorrectKeyException');
    });

    test('a key that is not there is not found', async () => {
      const nowhere = '00000000-0000-4000-8000-000000000000';
      expect(await refusal(kms.dataKey(nowhere))).toBe('NotFoundException');
      expect(await refusal(kms.dataKey('alias/callseal-contract-nowhere'))).toBe('NotFoundException');
      expect(await refusal(kms.send(new DescribeKeyCommand({ KeyId: nowhere })))).toBe('NotFoundException');
    });

    test('re-encryption changes key and context, never the plaintext', async () => {
      const [from, to] = [await kms.newKey(), await kms.newKey()];
      const sealed = await kms.dataKey(from.KeyId);
      const moved = await kms.send(
        new ReEncryptCommand({
          CiphertextBlob: sealed.CiphertextBlob,
          SourceKeyId: from.KeyId,
          SourceEncryptionContext: CONTEXT,
          DestinationKeyId: to.KeyId,
          DestinationEncryptionContext: { class: 'backup' },
        }),
      );
      expect([moved.SourceKeyId, moved.KeyId]).toEqual([from.Arn, to.Arn]);
      expect(moved.SourceKeyMaterialId).toBe(sealed.KeyMaterialId);
      expect(moved.DestinationKeyMaterialId).toBe((await kms.stateOf(to.KeyId))?.CurrentKeyMaterialId);
      expect((await kms.open(moved.CiphertextBlob, to.KeyId, { class: 'backup' })).Plaintext).toEqual(
        sealed.Plaintext,
      );
      expect(await refusal(kms.open(moved.CiphertextBlob, to.KeyId, CONTEXT))).toBe(
        'InvalidCiphertextException',
      );
    });
  });

  describe('every request', () => {
    test('a dry run says that it would have succeeded, or why it would not', async () => {
      const [key, other] = [await kms.newKey(), await kms.newKey()];
      const { CiphertextBlob } = await kms.dataKey(key.KeyId);
      const dry = { CiphertextBlob, EncryptionContext: CONTEXT, DryRun: true };
      expect(await refusal(kms.send(new DecryptCommand({ ...dry, KeyId: key.KeyId })))).toBe(
        'DryRunOperationException',
      );
      expect(await refusal(kms.send(new DecryptCommand({ ...dry, KeyId: other.KeyId })))).toBe(
        'IncorrectKeyException',
      );
      expect(
        await refusal(
          kms.send(new GenerateDataKeyCommand({ KeyId: key.KeyId, KeySpec: 'AES_256', DryRun: true })),
        ),
      ).toBe('DryRunOperationException');
    });

    test('its reply carries a request id of its own, exceptions included', async () => {
      const { KeyId } = await kms.newKey();
      const ids = [await kms.dataKey(KeyId), await kms.dataKey(KeyId)].map(
        (reply) => reply.$metadata.requestId,
      );
      const refused = await kms.send(new GenerateDataKeyCommand({ KeyId })).catch((error: unknown) => error);
      ids.push((refused as { $metadata: { requestId?: string } }).$metadata.requestId);
      for (const id of ids) expect(id).toMatch(/^[0-9a-f-]{36}$/);
      expect(new Set(ids).size).toBe(3);
    });
  });
}
