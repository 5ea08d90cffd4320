import { KmsError } from '../errors.ts';
import { currentMaterial, type Key, type Material } from '../key.ts';
import { keyToChange, type Operation } from '../request.ts';

const MOST_ROTATIONS = 25;

/** At once; AWS takes some time and does it in the background. */
export const rotateKeyOnDemand: Operation = (request) => {
  const key = keyToChange(request, 'RotateKeyOnDemand');
  refuseUnlessRotatable(key);
  if (key.materials.length > MOST_ROTATIONS) {
    throw new KmsError(
      'LimitExceededException',
      `${key.arn} has been rotated on demand ${MOST_ROTATIONS} times, which is the limit.`,
    );
  }
  request.store.addMaterial(key);
  request.trace.keyMaterialId = currentMaterial(request.store.byId(key.id)).id;
  return { KeyId: key.arn };
};

function refuseUnlessRotatable(key: Key): void {
  if (key.spec !== 'SYMMETRIC_DEFAULT') {
    throw new KmsError('UnsupportedOperationException', `${key.arn} is no symmetric encryption key.`);
  }
  if (key.state === 'Disabled') throw new KmsError('DisabledException', `${key.arn} is disabled.`);
  if (key.state === 'PendingDeletion') {
    throw new KmsError('KMSInvalidStateException', `${key.arn} is pending deletion.`);
  }
}

/** Newest first, all in one page: there are 26 at most. The material that the key was made with is no rotation. */
export const listKeyRotations: Operation = (request) => {
  const which = request.parameters.optionalOneOf('IncludeKeyMaterial', [
    'ALL_KEY_MATERIAL',
    'ROTATIONS_ONLY',
  ]);
  const key = keyToChange(request, 'ListKeyRotations');
  const shown = which === 'ALL_KEY_MATERIAL' ? key.materials : key.materials.slice(1);
  return { Rotations: shown.toReversed().map((material) => rotation(key, material)), Truncated: false };
};

function rotation(key: Key, material: Material) {
  return {
    KeyId: key.arn,
    KeyMaterialId: material.id,
    KeyMaterialState: material === currentMaterial(key) ? 'CURRENT' : 'NON_CURRENT',
    ...(material === key.materials[0]
      ? {}
      : { RotationDate: material.sinceMs / 1000, RotationType: 'ON_DEMAND' }),
  };
}
