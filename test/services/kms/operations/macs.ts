import { createHmac, timingSafeEqual } from 'node:crypto';
import { KmsError } from '../errors.ts';
import { currentMaterial, type Key } from '../key.ts';
import { keyToUse, type Operation, type Request, stopIfDryRun } from '../request.ts';

const ALGORITHM = 'HMAC_SHA_256';
const MESSAGE_LIMIT = 4096;

export const generateMac: Operation = (request) => {
  const message = messageOf(request);
  const key = keyToUse(request, 'GenerateMac', 'GENERATE_VERIFY_MAC');
  stopIfDryRun(request);
  return { KeyId: key.arn, Mac: mac(key, message).toString('base64'), MacAlgorithm: ALGORITHM };
};

/** A wrong MAC is an exception, never `MacValid: false`. */
export const verifyMac: Operation = (request) => {
  const message = messageOf(request);
  const given = request.parameters.bytes('Mac', 6144);
  const key = keyToUse(request, 'VerifyMac', 'GENERATE_VERIFY_MAC');
  stopIfDryRun(request);
  const right = mac(key, message);
  if (given.length !== right.length || !timingSafeEqual(given, right))
    throw new KmsError('KMSInvalidMacException');
  return { KeyId: key.arn, MacValid: true, MacAlgorithm: ALGORITHM };
};

function messageOf({ parameters }: Request): Buffer {
  parameters.oneOf('MacAlgorithm', [ALGORITHM]);
  return parameters.bytes('Message', MESSAGE_LIMIT);
}

function mac(key: Key, message: Buffer): Buffer {
  return createHmac('sha256', currentMaterial(key).bytes).update(message).digest();
}
