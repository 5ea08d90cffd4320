import { KmsError } from '../errors.ts';
import { currentMaterial, KEY_SPECS, type Key, USAGE_OF } from '../key.ts';
import { allow, keyToChange, type Operation } from '../request.ts';

const DAY_MS = 86_400_000;

export const createKey: Operation = (request) => {
  const { parameters, store, trace } = request;
  const spec = parameters.optionalOneOf('KeySpec', KEY_SPECS) ?? 'SYMMETRIC_DEFAULT';
  const usage = parameters.optionalText('KeyUsage') ?? 'ENCRYPT_DECRYPT';
  if (usage !== USAGE_OF[spec]) {
    throw new KmsError('ValidationException', `KeyUsage ${usage} is not compatible with KeySpec ${spec}`);
  }
  allow(request, 'CreateKey');
  const key = store.makeKey(spec, parameters.optionalText('Description') ?? '');
  trace.keyArn = key.arn;
  return { KeyMetadata: metadata(key) };
};

export const describeKey: Operation = (request) => {
  const key = request.store.find(request.parameters.text('KeyId'));
  request.trace.keyArn = key.arn;
  allow(request, 'DescribeKey', key);
  return { KeyMetadata: metadata(key) };
};

export const enableKey: Operation = (request) => setState(request, 'EnableKey', 'Enabled');
export const disableKey: Operation = (request) => setState(request, 'DisableKey', 'Disabled');

function setState(request: Parameters<Operation>[0], action: string, state: 'Enabled' | 'Disabled') {
  const key = keyToChange(request, action);
  refusePendingDeletion(key);
  request.store.setState(key, state);
  return {};
}

export const scheduleKeyDeletion: Operation = (request) => {
  const days = request.parameters.wholeNumber('PendingWindowInDays', 7, 30) ?? 30;
  const key = keyToChange(request, 'ScheduleKeyDeletion');
  refusePendingDeletion(key);
  const deletionMs = Date.now() + days * DAY_MS;
  request.store.scheduleDeletion(key, deletionMs);
  return {
    KeyId: key.arn,
    DeletionDate: deletionMs / 1000,
    KeyState: 'PendingDeletion',
    PendingWindowInDays: days,
  };
};

/** Leaves the key disabled, as AWS does: whoever cancels also says that it may be used again. */
export const cancelKeyDeletion: Operation = (request) => {
  const key = keyToChange(request, 'CancelKeyDeletion');
  if (key.state !== 'PendingDeletion') {
    throw new KmsError('KMSInvalidStateException', `${key.arn} is not pending deletion.`);
  }
  request.store.setState(key, 'Disabled');
  return { KeyId: key.arn };
};

function refusePendingDeletion(key: Key): void {
  if (key.state === 'PendingDeletion') {
    throw new KmsError('KMSInvalidStateException', `${key.arn} is pending deletion.`);
  }
}

/** KeyMetadata of the API reference; dates are seconds. */
function metadata(key: Key) {
  return {
    AWSAccountId: key.arn.split(':')[4],
    KeyId: key.id,
    Arn: key.arn,
    CreationDate: key.createdMs / 1000,
    Enabled: key.state === 'Enabled',
    Description: key.description,
    KeyUsage: USAGE_OF[key.spec],
    KeyState: key.state,
    ...(key.deletionMs === undefined ? {} : { DeletionDate: key.deletionMs / 1000 }),
    Origin: 'AWS_KMS',
    KeyManager: 'CUSTOMER',
    KeySpec: key.spec,
    CustomerMasterKeySpec: key.spec,
    MultiRegion: false,
    ...algorithms(key),
  };
}

function algorithms(key: Key) {
  switch (key.spec) {
    case 'SYMMETRIC_DEFAULT':
      return { EncryptionAlgorithms: ['SYMMETRIC_DEFAULT'], CurrentKeyMaterialId: currentMaterial(key).id };
    case 'ECC_NIST_P256':
      return { SigningAlgorithms: ['ECDSA_SHA_256'] };
    case 'HMAC_256':
      return { MacAlgorithms: ['HMAC_SHA_256'] };
  }
}
