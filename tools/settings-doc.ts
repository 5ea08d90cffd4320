// docs/settings.md, from the schema. A test fails where the file differs from what this makes.
// usage: node tools/settings-doc.ts   (make docs)
import { writeFile } from 'node:fs/promises';
import { variableOf } from '../src/config/environment.ts';
import { type SettingKey, settingKeys } from '../src/config/setting-keys.ts';

export const SETTINGS_DOCUMENT = 'docs/settings.md';

const INTRO = `# Settings

Made from the schema by \`make docs\`; do not edit. \`callseal config print\` shows what is in force and where each value
comes from, \`callseal config check\` everything that is wrong, at once.

Layers, lowest first: the defaults below, \`config/<profile>.yaml\`, \`--config FILE\`, the environment, flags. Maps are
merged, arrays replace, and a block of another \`kind\` replaces the block. A tenant,
policy, inbox topic or source alias that is \`null\` in a higher layer is taken away. An unknown key or variable is refused.

- A size is a whole number and \`B\`, \`KiB\`, \`MiB\` or \`GiB\`; a duration one and \`ms\`, \`s\`, \`m\`, \`h\` or \`d\`.
- A path is beside the file that names it, unless the table says otherwise.
- A secret stands in a file, never in a setting.
- \`<name>\` is a name of your own: a tenant, a policy, a topic, an alias. Such keys stand in files only.
- \`CALLSEAL_PROFILE\` names the profile, as \`--profile\` does.
`;

export function settingsDocument(): string {
  const blocks = settingKeys().filter(({ path }) => path.length === 1);
  return [INTRO, ...blocks.map(blockText)].join('\n');
}

function blockText(block: SettingKey): string {
  const [name = ''] = block.path;
  const keys = settingKeys().filter(({ path }) => path[0] === name && path.length > 1);
  const isLeaf = keys.length === 0;
  const rows = (isLeaf ? [block] : withOneKind(keys.filter(isPrinted))).map(rowText);
  return [
    `## ${name}`,
    '',
    `${sentence(block.description)}${block.required ? ' Required.' : ''}`,
    '',
    '| setting | values | default | variable | meaning |',
    '| --- | --- | --- | --- | --- |',
    ...rows,
    '',
  ].join('\n');
}

/** A map without a meaning of its own is only the way to its keys. */
function isPrinted(key: SettingKey): boolean {
  return !key.types.includes('object') || key.types.length > 1;
}

/** One row for `kind`, with all of its choices. */
function withOneKind(keys: readonly SettingKey[]): SettingKey[] {
  const isKind = (key: SettingKey): boolean => key.path.at(-1) === 'kind';
  const same = (a: SettingKey, b: SettingKey): boolean => a.path.join('.') === b.path.join('.');
  return keys.flatMap((key, i) => {
    if (!isKind(key)) return [key];
    if (keys.findIndex((other) => same(other, key)) < i) return [];
    return [{ ...key, choices: keys.filter((other) => same(other, key)).flatMap(({ choices }) => choices) }];
  });
}

function rowText(key: SettingKey): string {
  const variable = variableOf(key);
  const when = key.kind === undefined || key.path.at(-1) === 'kind' ? '' : ` *(${key.kind})*`;
  const cells = [
    `\`${key.path.join('.')}\`${when}`,
    valuesOf(key),
    key.required ? 'required' : defaultOf(key),
    variable === undefined ? '' : `\`${variable}\``,
    key.path.at(-1) === 'kind' ? 'which adapter' : key.description,
  ];
  return `| ${cells.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
}

function valuesOf(key: SettingKey): string {
  const nullable = key.types.includes('null') ? ', null' : '';
  if (key.unit !== undefined) return key.unit;
  if (key.choices.length > 0) {
    const choices = key.choices.map((choice) => `\`${choice}\``).join(', ');
    return `${key.types.includes('array') ? 'list of ' : ''}${choices}${nullable}`;
  }
  const words: Readonly<Record<string, string>> = { array: 'list', integer: 'whole number', string: 'text' };
  const types = key.types.filter((type) => type !== 'null').map((type) => words[type] ?? type);
  return `${types.join(' or ')}${nullable}`;
}

function defaultOf(key: SettingKey): string {
  if (key.default === undefined) return '';
  return `\`${typeof key.default === 'string' ? key.default : JSON.stringify(key.default)}\``;
}

function sentence(text: string): string {
  return text === '' ? '' : `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}

if (import.meta.main) await writeFile(SETTINGS_DOCUMENT, settingsDocument());
