import { z } from 'zod';
import { settingsSchema } from './schema.ts';

/** A segment of a path that the operator names: a tenant, a policy, a topic, a source alias. */
export const FREE = '<name>';

/** One key of the schema, as a table row: for docs/settings.md, the environment, paths and `config print`. */
export interface SettingKey {
  readonly path: readonly string[];
  /** Only where the block it stands in has this `kind`. */
  readonly kind: string | undefined;
  /** JSON types it accepts: string, integer, number, boolean, null, array, object. */
  readonly types: readonly string[];
  readonly choices: readonly string[];
  readonly unit: 'size' | 'duration' | undefined;
  /** What a relative path is relative to: the settings file that names it, or the data folder. */
  readonly relativeTo: 'settings' | 'data' | undefined;
  readonly default: unknown;
  readonly required: boolean;
  readonly description: string;
}

/** The parts of JSON Schema that zod writes for our schema. */
interface Node {
  readonly type?: string | readonly string[];
  readonly const?: string;
  readonly enum?: readonly string[];
  readonly properties?: Readonly<Record<string, Node>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: Node | boolean;
  readonly items?: Node;
  readonly oneOf?: readonly Node[];
  readonly anyOf?: readonly Node[];
  readonly default?: unknown;
  readonly description?: string;
  readonly unit?: 'size' | 'duration';
  readonly path?: 'settings' | 'data';
}

let known: readonly SettingKey[] | undefined;

/** All keys, in the order of the schema; a block stands before its keys. */
export function settingKeys(): readonly SettingKey[] {
  if (known === undefined) {
    const schema: unknown = z.toJSONSchema(settingsSchema, { io: 'input', unrepresentable: 'any' });
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- zod types JSON Schema at large; ours is this part
    known = keysBelow(schema as Node, [], undefined);
  }
  return known;
}

function keysBelow(node: Node, path: readonly string[], kind: string | undefined): SettingKey[] {
  const keys: SettingKey[] = [];
  for (const variant of node.oneOf ?? []) {
    keys.push(...keysBelow(variant, path, variant.properties?.['kind']?.const));
  }
  for (const [name, child] of Object.entries(node.properties ?? {})) {
    keys.push(...keysAt(child, [...path, name], kind, node.required?.includes(name) ?? false));
  }
  if (typeof node.additionalProperties === 'object') {
    keys.push(...keysAt(node.additionalProperties, [...path, FREE], kind, false));
  }
  return keys;
}

function keysAt(
  node: Node,
  path: readonly string[],
  kind: string | undefined,
  required: boolean,
): SettingKey[] {
  const forms = node.anyOf ?? [node];
  const row: SettingKey = {
    path,
    kind,
    types: forms.flatMap((form) => (form.oneOf ? 'object' : (form.type ?? 'string'))),
    choices: forms.flatMap(choicesOf),
    unit: node.unit,
    relativeTo: node.path ?? forms.find((form) => form.path)?.path,
    default: node.default,
    required: required && node.default === undefined,
    description: node.description ?? '',
  };
  return [row, ...keysBelow(node, path, undefined)];
}

function choicesOf(node: Node): readonly string[] {
  return node.const === undefined ? (node.enum ?? node.items?.enum ?? []) : [node.const];
}

/** The rows that a path of the settings can mean: one, or one for each `kind` of its block. */
export function keysFor(path: readonly string[]): readonly SettingKey[] {
  return settingKeys().filter(
    (key) =>
      key.path.length === path.length && key.path.every((part, i) => part === FREE || part === path[i]),
  );
}

/** `budgets.memory`; a part with a dot of its own stands in quotes. */
export function pathText(path: readonly PropertyKey[]): string {
  return path
    .map((part) => (/^[\w<>*-]+$/.test(String(part)) ? String(part) : JSON.stringify(part)))
    .join('.');
}
