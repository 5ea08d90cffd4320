import type { Operation } from '../request.ts';
import { createAlias, deleteAlias, listAliases, updateAlias } from './aliases.ts';
import { generateDataKey, generateDataKeyWithoutPlaintext } from './data-keys.ts';
import { decrypt, encrypt, reEncrypt } from './encryption.ts';
import {
  cancelKeyDeletion,
  createKey,
  describeKey,
  disableKey,
  enableKey,
  scheduleKeyDeletion,
} from './key-life.ts';
import { generateMac, verifyMac } from './macs.ts';
import { listKeyRotations, rotateKeyOnDemand } from './rotation.ts';
import { getPublicKey, sign, verify } from './signing.ts';

/** Everything the stand-in can do, by the name after `TrentService.` in `x-amz-target`. */
export const OPERATIONS: ReadonlyMap<string, Operation> = new Map([
  ['CancelKeyDeletion', cancelKeyDeletion],
  ['CreateAlias', createAlias],
  ['CreateKey', createKey],
  ['Decrypt', decrypt],
  ['DeleteAlias', deleteAlias],
  ['DescribeKey', describeKey],
  ['DisableKey', disableKey],
  ['EnableKey', enableKey],
  ['Encrypt', encrypt],
  ['GenerateDataKey', generateDataKey],
  ['GenerateDataKeyWithoutPlaintext', generateDataKeyWithoutPlaintext],
  ['GenerateMac', generateMac],
  ['GetPublicKey', getPublicKey],
  ['ListAliases', listAliases],
  ['ListKeyRotations', listKeyRotations],
  ['ReEncrypt', reEncrypt],
  ['RotateKeyOnDemand', rotateKeyOnDemand],
  ['ScheduleKeyDeletion', scheduleKeyDeletion],
  ['Sign', sign],
  ['UpdateAlias', updateAlias],
  ['Verify', verify],
  ['VerifyMac', verifyMac],
]);
