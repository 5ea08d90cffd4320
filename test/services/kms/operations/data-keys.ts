import { randomBytes } from 'node:crypto';
import { encrypt } from '../ciphertext.ts';
import { KmsError } from '../errors.ts';
import { currentMaterial } from '../key.ts';
import { keyToUse, type Operation, type Request, stopIfDryRun } from '../request.ts';

const DATA_KEY_BYTES = { AES_128: 16, AES_256: 32 } as const;

export const generateDataKey: Operation = (request) => {
  const { plaintext, ...reply } = newDataKey(request, 'GenerateDataKey');
  return { ...reply, Plaintext: plaintext.toString('base64') };
};

export const generateDataKeyWithoutPlaintext: Operation = (request) => {
  const { plaintext: _, ...reply } = newDataKey(request, 'GenerateDataKeyWithoutPlaintext');
  return reply;
};

function newDataKey(request: Request, action: string) {
  const { parameters, trace } = request;
  const context = parameters.context('EncryptionContext');
  trace.encryptionContext = context;
  const size = dataKeyBytes(request);
  const key = keyToUse(request, action, 'ENCRYPT_DECRYPT');
  stopIfDryRun(request);
  const material = currentMaterial(key);
  trace.keyMaterialId = material.id;
  const plaintext = randomBytes(size);
  const blob = encrypt(key.id, material, context, plaintext);
  return { plaintext, CiphertextBlob: blob.toString('base64'), KeyId: key.arn, KeyMaterialId: material.id };
}

function dataKeyBytes({ parameters }: Request): number {
  const spec = parameters.optionalOneOf('KeySpec', ['AES_128', 'AES_256']);
  const count = parameters.wholeNumber('NumberOfBytes', 1, 1024);
  if ((spec === undefined) === (count === undefined)) {
    throw new KmsError('ValidationException', 'Please specify either number of bytes or key spec.');
  }
  return spec === undefined ? (count ?? 0) : DATA_KEY_BYTES[spec];
}
