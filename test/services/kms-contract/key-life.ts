import {
  CancelKeyDeletionCommand,
  DisableKeyCommand,
  EnableKeyCommand,
  ListKeyRotationsCommand,
  ReEncryptCommand,
  RotateKeyOnDemandCommand,
  ScheduleKeyDeletionCommand,
} from '@aws-sdk/client-kms';
import { describe, expect, test } from 'vitest';
import { CONTEXT, type KmsUser, refusal } from './kms-user.ts';

export function keyLifeRules(kms: KmsUser): void {
  describe('the life of a key', () => {
    test('a disabled key does nothing until it is enabled', async () => {
      const { KeyId } = await kms.newKey();
      const { CiphertextBlob, Plaintext } = await kms.dataKey(KeyId);
      await kms.send(new DisableKeyCommand({ KeyId }));
      expect(await kms.stateOf(KeyId)).toMatchObject({ KeyState: 'Disabled', Enabled: false });
      expect(await refusal(kms.dataKey(KeyId))).toBe('DisabledException');
      expect(await refusal(kms.open(CiphertextBlob, KeyId))).toBe('DisabledException');
      expect(await refusal(kms.send(new RotateKeyOnDemandCommand({ KeyId })))).toBe('DisabledException');
      await kms.send(new EnableKeyCommand({ KeyId }));
      expect((await kms.open(CiphertextBlob, KeyId)).Plaintext).toEqual(Plaintext);
    });

    test('a key pending deletion does nothing, and is disabled after the deletion is cancelled', async () => {
      const { KeyId } = await kms.newKey();
      const { CiphertextBlob, Plaintext } = await kms.dataKey(KeyId);
      const scheduled = await kms.send(new ScheduleKeyDeletionCommand({ KeyId, PendingWindowInDays: 7 }));
      expect(scheduled).toMatchObject({ KeyState: 'PendingDeletion', PendingWindowInDays: 7 });
      expect((await kms.stateOf(KeyId))?.DeletionDate?.getTime()).toBeGreaterThan(
        Date.now() + 6 * 86_400_000,
      );
      expect(await refusal(kms.dataKey(KeyId))).toBe('KMSInvalidStateException');
      expect(await refusal(kms.open(CiphertextBlob, KeyId))).toBe('KMSInvalidStateException');
      expect(await refusal(kms.send(new EnableKeyCommand({ KeyId })))).toBe('KMSInvalidStateException');
      await kms.send(new CancelKeyDeletionCommand({ KeyId }));
      expect(await kms.stateOf(KeyId)).toMatchObject({ KeyState: 'Disabled' });
      expect(await kms.stateOf(KeyId)).not.toHaveProperty('DeletionDate');
      expect(await refusal(kms.open(CiphertextBlob, KeyId))).toBe('DisabledException');
      await kms.send(new EnableKeyCommand({ KeyId }));
      expect((await kms.open(CiphertextBlob, KeyId)).Plaintext).toEqual(Plaintext);
    });

    test('a deletion needs 7 to 30 days, and a live key has none to cancel', async () => {
      const { KeyId } = await kms.newKey();
      for (const PendingWindowInDays of [6, 31]) {
        expect(await refusal(kms.send(new ScheduleKeyDeletionCommand({ KeyId, PendingWindowInDays })))).toBe(
          'ValidationException',
        );
      }
      expect(await refusal(kms.send(new CancelKeyDeletionCommand({ KeyId })))).toBe(
        'KMSInvalidStateException',
      );
    });
  });

  describe('rotation', () => {
    test('new material encrypts, old ciphertexts open and name the old material', async () => {
      const { KeyId } = await kms.newKey();
      const before = await kms.dataKey(KeyId);
      await kms.send(new RotateKeyOnDemandCommand({ KeyId }));
      // AWS rotates in the background.
      await expect
        .poll(async () => (await kms.stateOf(KeyId))?.CurrentKeyMaterialId, {
          timeout: 25_000,
          interval: 250,
        })
        .not.toBe(before.KeyMaterialId);
      const after = await kms.dataKey(KeyId);
      expect(after.KeyMaterialId).not.toBe(before.KeyMaterialId);
      expect(await kms.open(before.CiphertextBlob, KeyId)).toMatchObject({
        Plaintext: before.Plaintext,
        KeyMaterialId: before.KeyMaterialId,
      });
      const rewrapped = await kms.send(
        new ReEncryptCommand({
          CiphertextBlob: before.CiphertextBlob,
          SourceKeyId: KeyId,
          SourceEncryptionContext: CONTEXT,
          DestinationKeyId: KeyId,
          DestinationEncryptionContext: CONTEXT,
        }),
      );
      expect(rewrapped).toMatchObject({
        SourceKeyMaterialId: before.KeyMaterialId,
        DestinationKeyMaterialId: after.KeyMaterialId,
      });
      const { Rotations } = await kms.send(
        new ListKeyRotationsCommand({ KeyId, IncludeKeyMaterial: 'ALL_KEY_MATERIAL' }),
      );
      expect(Rotations?.map((one) => [one.KeyMaterialId, one.KeyMaterialState])).toEqual(
        expect.arrayContaining([
          [before.KeyMaterialId, 'NON_CURRENT'],
          [after.KeyMaterialId, 'CURRENT'],
        ]),
      );
    });

    test('only symmetric encryption keys rotate on demand', async () => {
      const { KeyId } = await kms.newMacKey();
      expect(await refusal(kms.send(new RotateKeyOnDemandCommand({ KeyId })))).toBe(
        'UnsupportedOperationException',
      );
    });
  });
}
