import { createHash, createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto';
import { KmsError } from '../errors.ts';
import { currentMaterial, type Key } from '../key.ts';
import { isP256Signature, signP256 } from '../p256.ts';
import { keyToUse, type Operation, type Request, stopIfDryRun } from '../request.ts';

const ALGORITHM = 'ECDSA_SHA_256';
const MESSAGE_LIMIT = 4096;

/** The signature is DER, as X9.62 says. */
export const sign: Operation = (request) => {
  const digest = messageDigest(request);
  const key = keyToUse(request, 'Sign', 'SIGN_VERIFY');
  stopIfDryRun(request);
  return {
    KeyId: key.arn,
    Signature: signP256(privateKey(key), digest).toString('base64'),
    SigningAlgorithm: ALGORITHM,
  };
};

/** A wrong signature is an exception, never `SignatureValid: false`. */
export const verify: Operation = (request) => {
  const digest = messageDigest(request);
  const signature = request.parameters.bytes('Signature', 6144);
  const key = keyToUse(request, 'Verify', 'SIGN_VERIFY');
  stopIfDryRun(request);
  if (!isP256Signature(createPublicKey(privateKey(key)), digest, signature)) {
    throw new KmsError('KMSInvalidSignatureException');
  }
  return { KeyId: key.arn, SignatureValid: true, SigningAlgorithm: ALGORITHM };
};

export const getPublicKey: Operation = (request) => {
  const key = keyToUse(request, 'GetPublicKey', 'SIGN_VERIFY');
  const publicKey = createPublicKey(privateKey(key)).export({ type: 'spki', format: 'der' });
  return {
    KeyId: key.arn,
    PublicKey: publicKey.toString('base64'),
    KeySpec: key.spec,
    CustomerMasterKeySpec: key.spec,
    KeyUsage: 'SIGN_VERIFY',
    SigningAlgorithms: [ALGORITHM],
  };
};

/** SHA-256 of the message, or the message itself where the caller has hashed it already. */
function messageDigest({ parameters }: Request): Buffer {
  parameters.oneOf('SigningAlgorithm', [ALGORITHM]);
  const message = parameters.bytes('Message', MESSAGE_LIMIT);
  if ((parameters.optionalOneOf('MessageType', ['RAW', 'DIGEST']) ?? 'RAW') === 'RAW') {
    return createHash('sha256').update(message).digest();
  }
  if (message.length !== 32)
    throw new KmsError('ValidationException', `Digest is invalid length for algorithm ${ALGORITHM}.`);
  return message;
}

function privateKey(key: Key): KeyObject {
  return createPrivateKey({ key: currentMaterial(key).bytes, format: 'der', type: 'pkcs8' });
}
