import {
  CreateAliasCommand,
  DeleteAliasCommand,
  DisableKeyCommand,
  ListAliasesCommand,
  UpdateAliasCommand,
} from '@aws-sdk/client-kms';
import { describe, expect, test } from 'vitest';
import { type KmsUser, refusal } from './kms-user.ts';

export function aliasRules(kms: KmsUser): void {
  describe('aliases', () => {
    test('an alias stands for its key, can move, and moving it breaks no ciphertext', async () => {
      const [first, second] = [await kms.newKey(), await kms.newKey()];
      const AliasName = `alias/callseal-contract-${first.KeyId}`;
      await kms.send(new CreateAliasCommand({ AliasName, TargetKeyId: first.KeyId }));
      const sealed = await kms.dataKey(AliasName);
      expect(sealed.KeyId).toBe(first.Arn);
      expect(await refusal(kms.send(new CreateAliasCommand({ AliasName, TargetKeyId: second.KeyId })))).toBe(
        'AlreadyExistsException',
      );

      await kms.send(new UpdateAliasCommand({ AliasName, TargetKeyId: second.KeyId }));
      expect((await kms.dataKey(AliasName)).KeyId).toBe(second.Arn);
      expect((await kms.open(sealed.CiphertextBlob, first.Arn)).Plaintext).toEqual(sealed.Plaintext);
      expect(await refusal(kms.open(sealed.CiphertextBlob, AliasName))).toBe('IncorrectKeyException');
      const { Aliases } = await kms.send(new ListAliasesCommand({ KeyId: second.KeyId }));
      expect(Aliases?.map((alias) => [alias.AliasName, alias.TargetKeyId])).toEqual([
        [AliasName, second.KeyId],
      ]);

      await kms.send(new DeleteAliasCommand({ AliasName }));
      expect(await refusal(kms.dataKey(AliasName))).toBe('NotFoundException');
      expect(await refusal(kms.send(new DeleteAliasCommand({ AliasName })))).toBe('NotFoundException');
    });

    test('no alias where a key is changed', async () => {
      const { KeyId } = await kms.newKey();
      const AliasName = `alias/callseal-contract-${KeyId}`;
      await kms.send(new CreateAliasCommand({ AliasName, TargetKeyId: KeyId }));
      expect(await refusal(kms.send(new DisableKeyCommand({ KeyId: AliasName })))).not.toBe('none');
      await kms.send(new DeleteAliasCommand({ AliasName }));
    });
  });
}
