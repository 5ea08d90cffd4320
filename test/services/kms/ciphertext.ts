import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { contextBytes, type EncryptionContext } from './encryption-context.ts';
import { KmsError } from './errors.ts';
import type { Material } from './key.ts';

const MAGIC = Buffer.from('CKS1');
const KEY_ID = MAGIC.length;
const MATERIAL_ID = KEY_ID + 16;
const NONCE = MATERIAL_ID + 32;
const BODY = NONCE + 12;
const TAG = 16;

/** What a ciphertext says about itself before anything is decrypted. */
export interface CiphertextOrigin {
  readonly keyId: string;
  readonly materialId: string;
}

/**
 *   ciphertext blob = "CKS1" | key id (16) | material id (32) | nonce (12) | AES-256-GCM(material, nonce, plaintext) | tag (16)
 *   AAD             = everything before the encrypted bytes | the encryption context (encryption-context.ts)
 *
 * The nonce is random: fine for tests, and for the 2^32 blobs that one material may make.
 */
export function encrypt(
  keyId: string,
  material: Material,
  context: EncryptionContext,
  plaintext: Buffer,
): Buffer {
  const nonce = randomBytes(12);
  const head = Buffer.concat([MAGIC, idBytes(keyId), Buffer.from(material.id, 'hex'), nonce]);
  const cipher = createCipheriv('aes-256-gcm', material.bytes, nonce);
  cipher.setAAD(Buffer.concat([head, contextBytes(context)]));
  return Buffer.concat([head, cipher.update(plaintext), cipher.final(), cipher.getAuthTag()]);
}

/** @throws KmsError InvalidCiphertextException - changed, cut, or made under another context. AWS does not say which. */
export function decrypt(blob: Buffer, material: Material, context: EncryptionContext): Buffer {
  const decipher = createDecipheriv('aes-256-gcm', material.bytes, blob.subarray(NONCE, BODY));
  decipher.setAAD(Buffer.concat([blob.subarray(0, BODY), contextBytes(context)]));
  decipher.setAuthTag(blob.subarray(-TAG));
  try {
    return Buffer.concat([decipher.update(blob.subarray(BODY, -TAG)), decipher.final()]);
  } catch {
    throw new KmsError('InvalidCiphertextException');
  }
}

/** @throws KmsError InvalidCiphertextException - not a blob of ours. */
export function originOf(blob: Buffer): CiphertextOrigin {
  if (blob.length <= BODY + TAG || !blob.subarray(0, KEY_ID).equals(MAGIC)) {
    throw new KmsError('InvalidCiphertextException');
  }
  return {
    keyId: idText(blob.subarray(KEY_ID, MATERIAL_ID)),
    materialId: blob.toString('hex', MATERIAL_ID, NONCE),
  };
}

function idBytes(keyId: string): Buffer {
  return Buffer.from(keyId.replaceAll('-', ''), 'hex');
}

function idText(bytes: Buffer): string {
  return bytes.toString('hex').replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, '$1-$2-$3-$4-$5');
}
