import type { z } from 'zod';
import { isMap, type Layers } from './layers.ts';
import { nearest } from './nearest.ts';
import { keysFor, pathText, settingKeys } from './setting-keys.ts';

/** What zod found, as sentences: the setting, what is wrong, what was given, where it stands. */
export function sentencesOf(error: z.ZodError, layers: Layers): string[] {
  return error.issues.flatMap((issue) => {
    const path = issue.path.map(String);
    const where = originOf(path, layers);
    if (issue.code === 'unrecognized_keys')
      return issue.keys.map((name) => unknownKey([...path, name], layers));
    if (issue.code === 'invalid_key')
      return [`${pathText(path)} ${issue.issues[0]?.message ?? 'is no name'}${where}`];
    return [`${pathText(path)} ${whatIsWrong(issue)}${where}`];
  });
}

/** The value of an unknown key is never shown: it may be a secret under a misspelt name. */
function unknownKey(path: readonly string[], layers: Layers): string {
  const siblings = settingKeys()
    .filter((key) => key.path.length === path.length)
    .filter((key) =>
      keysFor(path.slice(0, -1)).some((block) => block.path.every((part, i) => part === key.path[i])),
    )
    .map((key) => key.path.at(-1) ?? '');
  const known =
    path.length === 1 ? settingKeys().flatMap((key) => (key.path.length === 1 ? key.path : [])) : siblings;
  return `${pathText(path)} is no setting here${nearest(path.at(-1) ?? '', known)}${originOf(path, layers)}`;
}

function whatIsWrong(issue: z.core.$ZodIssue): string {
  const given = shown(issue.input);
  if (given === undefined && (issue.code === 'invalid_type' || issue.code === 'invalid_union'))
    return 'is missing';
  if (issue.code === 'invalid_union') return `is of no kind that exists here, ${kindOf(issue.input)}`;
  return `${mustBe(issue)}${given === undefined ? '' : `, not ${given}`}`;
}

function mustBe(issue: z.core.$ZodIssue): string {
  if (issue.code === 'invalid_value') return `must be ${issue.values.map(String).join(' or ')}`;
  if (issue.code === 'too_small') return `must be at least ${issue.minimum}${unitOf(issue.origin)}`;
  if (issue.code === 'too_big') return `must be at most ${issue.maximum}${unitOf(issue.origin)}`;
  const isZods = issue.code === 'invalid_type' && !issue.message.startsWith('must ');
  return isZods ? `must be ${WORDS[issue.expected] ?? issue.expected}` : issue.message;
}

const WORDS: Readonly<Record<string, string>> = {
  string: 'text',
  int: 'a whole number',
  number: 'a number',
  boolean: 'true or false',
  array: 'a list',
  object: 'a map',
  record: 'a map',
};

function unitOf(origin: string): string {
  if (origin === 'string') return ' characters';
  return origin === 'array' ? ' entries' : '';
}

function kindOf(input: unknown): string {
  return isMap(input) ? (shown(input['kind']) ?? 'none') : (shown(input) ?? 'none');
}

/** Plain values only, and short: a map or a long text says nothing in a sentence. */
function shown(value: unknown): string | undefined {
  if (value === undefined) return undefined;
  const text = JSON.stringify(value) ?? typeof value;
  return text.length > 80 ? `${text.slice(0, 77)}...` : text;
}

function originOf(path: readonly string[], layers: Layers): string {
  const leaf = layers.near(path);
  return leaf === undefined ? '' : ` (${leaf.origin})`;
}
