import { readFile } from 'node:fs/promises';
import { dirname, join, relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseDocument } from 'yaml';
import { CallsealError } from '../domain/errors.ts';
import { CHECKS } from './checks.ts';
import { type Environment, environmentLayer } from './environment.ts';
import { isMap, Layers, type Leaf, leavesOf } from './layers.ts';
import { type Settings, settingsSchema } from './schema.ts';
import { holdsSecret, secretProblems } from './secrets.ts';
import { sentencesOf } from './sentences.ts';
import { keysFor } from './setting-keys.ts';

/** One option of the command line that is a setting. */
export interface Flag {
  readonly path: readonly string[];
  readonly value: unknown;
  /** As it was typed: `--data`. */
  readonly flag: string;
}

export interface SettingsRequest {
  /** `--profile`; above CALLSEAL_PROFILE. */
  readonly profile?: string | undefined;
  /** Taken where neither names one: bin/callseal has one, the worker process has none. */
  readonly fallbackProfile?: string | undefined;
  /** `--config FILE`. */
  readonly file?: string | undefined;
  readonly environment: Environment;
  readonly flags?: readonly Flag[];
  /** The working folder. */
  readonly folder: string;
  /** Folder of the profiles' files; the product's own where absent. */
  readonly profiles?: string;
  /** Sentences about the process itself (ops/hardening.ts), reported with the rest. */
  readonly alsoWrong?: readonly string[];
}

export interface LoadedSettings {
  readonly settings: Settings;
  /** Every leaf of `settings` with its origin: a file, a variable, a flag or `default`. */
  readonly leaves: readonly {
    readonly path: readonly string[];
    readonly value: unknown;
    readonly origin: string;
  }[];
  /** The files that were read, lowest layer first, as shown. */
  readonly files: readonly string[];
}

const OWN_PROFILES = fileURLToPath(new URL('../../config/', import.meta.url));

/**
 * Reads all layers, lowest first: defaults, the profile's file, `--config`, the environment, flags. What it returns
 * is checked whole, frozen, and never read from anywhere again.
 *
 * @throws CallsealError BAD_CONFIG - one sentence a line, all that is wrong at once
 */
export async function loadSettings(request: SettingsRequest): Promise<LoadedSettings> {
  const profile = profileOf(request);
  const files = filesOf(request, profile);
  const found = await Promise.all(files.map((file) => fileLayer(file, shortened(file, request.folder))));
  const environment = environmentLayer(request.environment, request.folder);
  const given = [...found.map(({ leaves }) => leaves), environment.leaves, flagLayer(request)];
  const problems = [
    ...(request.alsoWrong ?? []),
    ...found.flatMap((file) => file.problems),
    ...environment.problems,
    ...secretProblems(given.flat()),
  ];
  const layers = new Layers();
  for (const layer of given) layers.add(layer.filter((leaf) => !holdsSecret(leaf)));
  problems.push(...profileProblems(layers, profile));
  layers.add([{ path: ['profile'], value: profile, origin: profileOrigin(request), folder: request.folder }]);

  const parsed = settingsSchema.safeParse(layers.tree(), { reportInput: true });
  if (parsed.success) problems.push(...CHECKS.flatMap((check) => check(parsed.data)));
  else problems.push(...sentencesOf(parsed.error, layers));
  if (!parsed.success || problems.length > 0) throw new CallsealError('BAD_CONFIG', problems.join('\n'));

  const settings = withAbsolutePaths(parsed.data, layers, request.folder);
  const leaves = leavesOf(settings, { origin: 'default', folder: request.folder }).map(({ path, value }) => ({
    path,
    value,
    origin: layers.at(path)?.origin ?? 'default',
  }));
  return {
    settings: deepFreeze(settings),
    leaves,
    files: files.map((file) => shortened(file, request.folder)),
  };
}

function profileOf({ profile, environment, fallbackProfile }: SettingsRequest): string {
  const named = profile ?? environment['CALLSEAL_PROFILE'] ?? fallbackProfile;
  if (named === undefined) {
    throw new CallsealError('BAD_CONFIG', 'no profile is named', {
      hint: 'say --profile NAME or set CALLSEAL_PROFILE; profiles are local and production',
    });
  }
  if (!/^[a-z][a-z0-9-]{0,31}$/.test(named)) {
    throw new CallsealError(
      'BAD_CONFIG',
      `a profile is lower-case letters, digits and dashes, not ${JSON.stringify(named)}`,
    );
  }
  return named;
}

function profileOrigin({ profile, environment }: SettingsRequest): string {
  if (profile !== undefined) return '--profile';
  return environment['CALLSEAL_PROFILE'] === undefined ? 'default' : 'CALLSEAL_PROFILE';
}

function profileProblems(layers: Layers, profile: string): string[] {
  const named = layers.at(['profile']);
  if (named === undefined || named.value === profile) return [];
  return [
    `profile is ${JSON.stringify(named.value)} in ${named.origin}, and the profile asked for is ${profile}`,
  ];
}

function filesOf({ profiles, file, folder }: SettingsRequest, profile: string): string[] {
  const own = join(profiles ?? OWN_PROFILES, `${profile}.yaml`);
  return file === undefined ? [own] : [own, resolve(folder, file)];
}

async function fileLayer(file: string, origin: string): Promise<{ leaves: Leaf[]; problems: string[] }> {
  const text = await readFile(file, 'utf8').catch((cause: NodeJS.ErrnoException) => {
    throw new CallsealError('BAD_CONFIG', `${origin} cannot be read: ${cause.code ?? 'unknown error'}`, {
      cause,
    });
  });
  const document = parseDocument(text, { uniqueKeys: true, stringKeys: true, merge: false });
  const bad = document.errors[0] ?? document.warnings[0];
  if (bad) {
    const at = bad.linePos?.[0];
    // Without the parser's own message: it quotes the line, and a line may hold what should not be shown.
    return { leaves: [], problems: [`${origin} is no valid YAML: ${bad.code} at line ${at?.line ?? 1}`] };
  }
  try {
    const tree: unknown = document.toJS({ maxAliasCount: 0 });
    if (isMap(tree)) return { leaves: leavesOf(tree, { origin, folder: dirname(file) }), problems: [] };
    return { leaves: [], problems: tree === null ? [] : [`${origin} is no map of settings`] };
  } catch (error) {
    if (error instanceof RangeError) return { leaves: [], problems: [`${origin}: ${error.message}`] };
    const isAlias = error instanceof ReferenceError; // as the parser says it where aliases are switched off
    if (isAlias)
      return { leaves: [], problems: [`${origin} is no valid YAML: an alias stands in it; write it out`] };
    throw error;
  }
}

function flagLayer({ flags, folder }: SettingsRequest): Leaf[] {
  return (flags ?? []).map(({ path, value, flag }) => ({ path, value, origin: flag, folder }));
}

/** A relative path is beside the file that names it, or in the working folder; those of `data` are below that. */
function withAbsolutePaths(settings: Settings, layers: Layers, folder: string): Settings {
  const data = resolve(layers.at(['data'])?.folder ?? folder, settings.data);
  const absolute = (value: unknown, path: readonly string[]): unknown => {
    if (isMap(value)) {
      return Object.fromEntries(
        Object.entries(value).map(([name, inner]) => [name, absolute(inner, [...path, name])]),
      );
    }
    const relativeTo = keysFor(path).find((key) => key.relativeTo)?.relativeTo;
    if (typeof value !== 'string' || relativeTo === undefined) return value;
    const leaf = layers.at(path);
    if (relativeTo === 'data') return resolve(data, value);
    return resolve(leaf?.folder ?? folder, value);
  };
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the same tree, other text in some leaves
  return absolute(settings, []) as Settings;
}

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null) Object.values(value).forEach(deepFreeze);
  return Object.freeze(value);
}

function shortened(file: string, folder: string): string {
  const near = relative(folder, file);
  return near.startsWith('..') ? file : near;
}
