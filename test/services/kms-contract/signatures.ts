import { createHash, createPublicKey, verify as verifySignature } from 'node:crypto';
import {
  GenerateMacCommand,
  GetPublicKeyCommand,
  SignCommand,
  VerifyCommand,
  VerifyMacCommand,
} from '@aws-sdk/client-kms';
import { describe, expect, test } from 'vitest';
import { type KmsUser, MESSAGE, refusal } from './kms-user.ts';

export function signatureRules(kms: KmsUser): void {
  describe('signatures and MACs', () => {
    test('anybody verifies a signature with the public key alone', async () => {
      const { KeyId } = await kms.newSigningKey();
      const signed = await kms.send(
        new SignCommand({ KeyId, Message: MESSAGE, SigningAlgorithm: 'ECDSA_SHA_256' }),
      );
      const { PublicKey } = await kms.send(new GetPublicKeyCommand({ KeyId }));
      const publicKey = createPublicKey({ key: Buffer.from(PublicKey ?? []), format: 'der', type: 'spki' });
      expect(publicKey.asymmetricKeyDetails?.namedCurve).toBe('prime256v1');
      expect(verifySignature('sha256', MESSAGE, publicKey, signed.Signature ?? Buffer.alloc(0))).toBe(true);
      expect(
        verifySignature('sha256', Buffer.from('another'), publicKey, signed.Signature ?? Buffer.alloc(0)),
      ).toBe(false);
    });

    test('a message and its digest are signed alike', async () => {
      const { KeyId } = await kms.newSigningKey();
      const Message = createHash('sha256').update(MESSAGE).digest();
      const algorithm = { KeyId, SigningAlgorithm: 'ECDSA_SHA_256' } as const;
      const byDigest = await kms.send(new SignCommand({ ...algorithm, Message, MessageType: 'DIGEST' }));
      const check = { ...algorithm, Signature: byDigest.Signature } as const;
      expect((await kms.send(new VerifyCommand({ ...check, Message: MESSAGE }))).SignatureValid).toBe(true);
      expect(
        (await kms.send(new VerifyCommand({ ...check, Message, MessageType: 'DIGEST' }))).SignatureValid,
      ).toBe(true);
      expect(await refusal(kms.send(new VerifyCommand({ ...check, Message: Buffer.from('another') })))).toBe(
        'KMSInvalidSignatureException',
      );
      expect(
        await refusal(
          kms.send(new SignCommand({ ...algorithm, Message: Message.subarray(1), MessageType: 'DIGEST' })),
        ),
      ).toBe('ValidationException');
    });

    test('a MAC is valid for its message only', async () => {
      const { KeyId } = await kms.newMacKey();
      const algorithm = { KeyId, MacAlgorithm: 'HMAC_SHA_256' } as const;
      const { Mac } = await kms.send(new GenerateMacCommand({ ...algorithm, Message: MESSAGE }));
      expect(Mac).toHaveLength(32);
      expect((await kms.send(new VerifyMacCommand({ ...algorithm, Message: MESSAGE, Mac }))).MacValid).toBe(
        true,
      );
      expect(
        await refusal(kms.send(new VerifyMacCommand({ ...algorithm, Message: Buffer.from('another'), Mac }))),
      ).toBe('KMSInvalidMacException');
    });

    test('a key does one thing only', async () => {
      const [symmetric, signing] = [await kms.newKey(), await kms.newSigningKey()];
      expect(await refusal(kms.dataKey(signing.KeyId))).toBe('InvalidKeyUsageException');
      expect(
        await refusal(
          kms.send(
            new SignCommand({ KeyId: symmetric.KeyId, Message: MESSAGE, SigningAlgorithm: 'ECDSA_SHA_256' }),
          ),
        ),
      ).toBe('InvalidKeyUsageException');
    });
  });
}
