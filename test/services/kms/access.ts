import { KmsError } from './errors.ts';
import type { Key } from './key.ts';
import type { KeyStore } from './key-store.ts';

/**
 * Takes a right away. `keys` are aliases, key ids or ARNs, or `*`; `actions` are IAM's action names without `kms:`, or `*`.
 * ReEncrypt is two actions, as in IAM: ReEncryptFrom the source key and ReEncryptTo the destination.
 */
export interface DenyRule {
  readonly actions: readonly string[];
  readonly keys: readonly string[];
}

/** What one access key may do: everything in `allow`, on every key, minus the deny rules. */
export interface Role {
  readonly allow: readonly string[];
  readonly deny: readonly DenyRule[];
}

export interface Caller extends Role {
  readonly role: string;
  readonly arn: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

/** @throws KmsError AccessDeniedException - worded like AWS's, with the ARN that a policy would have to name. */
export function authorise(
  caller: Caller,
  extra: readonly DenyRule[],
  action: string,
  key: Key | undefined,
  store: KeyStore,
): void {
  const denied = [...caller.deny, ...extra].some(
    (rule) => covers(rule.actions, action) && concerns(rule, key, store),
  );
  if (covers(caller.allow, action) && !denied) return;
  throw new KmsError(
    'AccessDeniedException',
    `User: ${caller.arn} is not authorized to perform: kms:${action} on resource: ${key?.arn ?? '*'}` +
      (denied ? ' with an explicit deny' : ' because no policy allows it'),
  );
}

function covers(actions: readonly string[], action: string): boolean {
  return actions.includes('*') || actions.includes(action);
}

function concerns(rule: DenyRule, key: Key | undefined, store: KeyStore): boolean {
  if (rule.keys.includes('*')) return true;
  return key !== undefined && rule.keys.some((name) => names(name, key, store));
}

/** Whether `name`, an alias, id or ARN, stands for this key now. A name of nothing stands for no key. */
export function names(name: string, key: Key, store: KeyStore): boolean {
  try {
    return store.find(name).id === key.id;
  } catch {
    return false;
  }
}
