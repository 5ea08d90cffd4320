import { authorise, type Caller, type DenyRule } from './access.ts';
import type { EncryptionContext } from './encryption-context.ts';
import { KmsError } from './errors.ts';
import { type Key, type KeyUsage, USAGE_OF } from './key.ts';
import type { KeyStore } from './key-store.ts';
import type { Parameters } from './parameters.ts';

/** What the request log keeps of the work of one operation; filled as it goes, so that failures are told too. */
export interface Trace {
  keyArn?: string;
  sourceKeyArn?: string;
  keyMaterialId?: string;
  encryptionContext?: EncryptionContext;
  sourceEncryptionContext?: EncryptionContext;
}

/** One request at work: its parameters, the keys, and the checks in AWS's order (exists, allowed, state, usage). */
export interface Request {
  readonly parameters: Parameters;
  readonly store: KeyStore;
  readonly caller: Caller;
  readonly extraDeny: readonly DenyRule[];
  readonly trace: Trace;
}

/** Returns the members of the reply. */
export type Operation = (request: Request) => Readonly<Record<string, unknown>>;

/** @throws KmsError AccessDeniedException */
export function allow(request: Request, action: string, key?: Key): void {
  authorise(request.caller, request.extraDeny, action, key, request.store);
}

/**
 * The key that `parameter` names, checked for use.
 * @throws KmsError NotFoundException, AccessDeniedException, DisabledException, KMSInvalidStateException,
 *   InvalidKeyUsageException - in this order.
 */
export function keyToUse(request: Request, action: string, usage: KeyUsage, parameter = 'KeyId'): Key {
  return readyForUse(request, action, usage, request.store.find(request.parameters.text(parameter)));
}

export function readyForUse(request: Request, action: string, usage: KeyUsage, key: Key): Key {
  if (action === 'ReEncryptFrom') request.trace.sourceKeyArn = key.arn;
  else request.trace.keyArn = key.arn;
  allow(request, action, key);
  if (key.state === 'Disabled') throw new KmsError('DisabledException', `${key.arn} is disabled.`);
  if (key.state === 'PendingDeletion') {
    throw new KmsError('KMSInvalidStateException', `${key.arn} is pending deletion.`);
  }
  if (USAGE_OF[key.spec] !== usage) {
    throw new KmsError(
      'InvalidKeyUsageException',
      `${key.arn} key usage is ${USAGE_OF[key.spec]} which is not valid for ${action}.`,
    );
  }
  return key;
}

/** The key that `KeyId` names, to change it: no alias, and any state. */
export function keyToChange(request: Request, action: string, parameter = 'KeyId'): Key {
  const key = request.store.findNoAlias(request.parameters.text(parameter));
  request.trace.keyArn = key.arn;
  allow(request, action, key);
  return key;
}

/** @throws KmsError DryRunOperationException - it was asked for, and everything before this line was fine. */
export function stopIfDryRun({ parameters }: Request): void {
  if (parameters.flag('DryRun')) {
    throw new KmsError(
      'DryRunOperationException',
      'The request would have succeeded, but the DryRun option is set.',
    );
  }
}
