import { KmsError } from '../errors.ts';
import { USAGE_OF } from '../key.ts';
import type { Alias } from '../key-store.ts';
import { allow, keyToChange, type Operation, type Request } from '../request.ts';

const NAME = /^alias\/[a-zA-Z0-9/_-]{1,250}$/;

export const createAlias: Operation = (request) => {
  const name = aliasName(request);
  const key = keyToChange(request, 'CreateAlias', 'TargetKeyId');
  if (request.store.alias(name)) {
    throw new KmsError(
      'AlreadyExistsException',
      `An alias with the name ${request.store.aliasArn(name)} already exists`,
    );
  }
  request.store.setAlias(name, key);
  return {};
};

export const updateAlias: Operation = (request) => {
  const { keyId } = existingAlias(request);
  const name = aliasName(request);
  const key = keyToChange(request, 'UpdateAlias', 'TargetKeyId');
  if (USAGE_OF[key.spec] !== USAGE_OF[request.store.byId(keyId).spec]) {
    throw new KmsError('ValidationException', `Alias ${name} cannot be changed from a key of another usage.`);
  }
  request.store.setAlias(name, key);
  return {};
};

export const deleteAlias: Operation = (request) => {
  const { name, keyId } = existingAlias(request);
  allow(request, 'DeleteAlias', request.store.byId(keyId));
  request.store.deleteAlias(name);
  return {};
};

/** By pages: the marker is the name of the last alias of the page before. */
export const listAliases: Operation = (request) => {
  const { parameters, store } = request;
  const limit = parameters.wholeNumber('Limit', 1, 1000) ?? 50;
  const marker = parameters.optionalText('Marker') ?? '';
  allow(request, 'ListAliases');
  const only = parameters.has('KeyId') ? store.findNoAlias(parameters.text('KeyId')).id : undefined;
  const rest = store
    .aliases()
    .filter(({ name, keyId }) => name > marker && (only === undefined || keyId === only));
  const page = rest.slice(0, limit);
  const more = rest.length > limit ? { NextMarker: page.at(-1)?.name } : {};
  return { Aliases: page.map((alias) => listed(request, alias)), Truncated: rest.length > limit, ...more };
};

function listed({ store }: Request, alias: Alias) {
  return {
    AliasName: alias.name,
    AliasArn: store.aliasArn(alias.name),
    TargetKeyId: alias.keyId,
    CreationDate: alias.createdMs / 1000,
    LastUpdatedDate: alias.updatedMs / 1000,
  };
}

function existingAlias(request: Request): Alias {
  const name = aliasName(request);
  const alias = request.store.alias(name);
  if (!alias) throw new KmsError('NotFoundException', `Alias ${request.store.aliasArn(name)} is not found.`);
  return alias;
}

function aliasName({ parameters }: Request): string {
  const name = parameters.text('AliasName');
  if (!NAME.test(name)) throw new KmsError('InvalidAliasNameException', `${name} is no name for an alias`);
  if (name.startsWith('alias/aws/'))
    throw new KmsError('InvalidAliasNameException', 'alias/aws/ is reserved');
  return name;
}
