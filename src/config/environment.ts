import { parse } from 'yaml';
import type { Leaf } from './layers.ts';
import { nearest } from './nearest.ts';
import { FREE, type SettingKey, settingKeys } from './setting-keys.ts';

/**
 * Settings from the environment: `CALLSEAL_` and the path in capitals, `__` between its parts, `_` where a name has
 * a hump: `CALLSEAL_REGISTRY__PASSWORD_FILE` is registry.passwordFile. Tenants, topics and policies have free names
 * and stand in files only.
 */

const PREFIX = 'CALLSEAL_';
/** Ours, but no settings: which profile, which Node.js tools/node/use.sh takes, and what scripts/services reads. */
const NOT_SETTINGS = /^CALLSEAL_(PROFILE|NODE|SERVICES_[A-Z_]+)$/;

export type Environment = Readonly<Record<string, string | undefined>>;

export function variableOf(key: SettingKey): string | undefined {
  if (key.path.includes(FREE) || (key.types.includes('object') && key.types.length === 1)) return undefined;
  const parts = key.path.map((part) => part.replace(/[A-Z]/g, (capital) => `_${capital}`).toUpperCase());
  return `${PREFIX}${parts.join('__')}`;
}

/** @returns the leaves that variables give, and a sentence for each variable that is no setting */
export function environmentLayer(
  environment: Environment,
  folder: string,
): { leaves: Leaf[]; problems: string[] } {
  const leaves: Leaf[] = [];
  const problems: string[] = [];
  const given = Object.entries(environment).filter(
    ([name]) => name.startsWith(PREFIX) && !NOT_SETTINGS.test(name),
  );
  if (given.length === 0) return { leaves, problems };
  const keys = variables();
  for (const [name, text = ''] of given) {
    const key = keys.get(name);
    if (key) leaves.push({ path: key.path, value: valueOf(key, text), origin: name, folder });
    else
      problems.push(
        `${name} is set, and no setting has that name${nearest(name, [...keys.keys()])}; unset it`,
      );
  }
  return { leaves, problems };
}

function variables(): Map<string, SettingKey> {
  const found = new Map<string, SettingKey>();
  for (const key of settingKeys()) {
    const name = variableOf(key);
    if (name !== undefined) found.set(name, key);
  }
  return found;
}

/** Text stays text (an account of 12 digits is no number); the rest is read as YAML reads it. */
function valueOf(key: SettingKey, text: string): unknown {
  if (key.types.includes('null') && text === 'null') return null;
  if (key.types.includes('string')) return text;
  try {
    return parse(text) as unknown;
  } catch {
    return text; // the schema says what is wrong with it
  }
}
