import { readFileSync } from 'node:fs';
import { userInfo } from 'node:os';
import { resolve } from 'node:path';

const { version } = JSON.parse(readFileSync(resolve('package.json'), 'utf8')) as { version: string };

/** What differs from run to run or from machine to machine, and what stands for it in a session; applied in order. */
const RULES: readonly (readonly [
  pattern: RegExp,
  instead: string | ((match: string, ...groups: string[]) => string),
])[] = [
  // a time of this run has milliseconds, those of the samples have none; as long as a time, or tables would be crooked
  [/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/g, 'YYYY-MM-DDThh:mm:ss.sssZ'],
  [/\b\d+ ms\b/g, '<n> ms'],
  [/\b\d+[smh] (old|ago)\b/g, '<age> $1'],
  [/"oldestAgeMs":( ?)\d+/g, '"oldestAgeMs":$1"<ms>"'],
  [/"(ms|keyMs|sealMs)": ?\d+/g, '"$1":"<ms>"'],
  [/("schema":"callseal\.audit\/1".*|"action":.*)"durationMs":\d+/g, '$1"durationMs":"<ms>"'],
  [/\b(?!0{64}\b)[0-9a-f]{64}\b/g, '<sha256>'],
  [/"(keyMaterialId|materialId|plainDigest)":( ?)"[0-9a-f]{32}"/g, '"$1":$2"<32 hex>"'],
  [/"instance":( ?)"[0-9a-f]{16}"/g, '"instance":$1"<instance>"'],
  // the version of a source file: inode, bytes, time of its last change
  [/"version":( ?)"\d+-(\d+)-\d+"/g, '"version":$1"<inode>-$2-<mtime>"'],
  [
    /"data_base64":"([A-Za-z0-9+/=]+)"/g,
    (_match, base64) => `"data_base64":"<${Buffer.from(base64 ?? '', 'base64').length} bytes>"`,
  ],
  // an outcome holds milliseconds, whose digits count
  [/one outcome \([\d,]+ bytes\)/g, 'one outcome (<n> bytes)'],
  [/"outcomeBytes":\d+/g, '"outcomeBytes":"<n>"'],
  // after a restore an epoch is a time in seconds
  [/(\bepoch"?:? )\d{10}\b/g, '$1<epoch>'],
  [/\b(process|kill) \d+\b/g, '$1 <pid>'],
];

const UID = /\b[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b/g;

/**
 * For one session: the same uid is the same `<uid-N>` from its first line to its last, so that a reader sees what
 * belongs together.
 */
export function normaliser(folder: string): (text: string) => string {
  const uids = new Map<string, string>();
  const numbered = (uid: string): string => {
    const name = uids.get(uid) ?? `<uid-${uids.size + 1}>`;
    uids.set(uid, name);
    return name;
  };
  const user = userInfo().username;
  return (text) => {
    let said = text
      .replaceAll(folder, '<folder>')
      .replaceAll(resolve('.'), '<checkout>')
      .replaceAll(`"version":"${version}"`, '"version":"<version>"')
      .replace(new RegExp(`^${RegExp.escape(version)}$`, 'm'), '<version>')
      .replaceAll(`"workerVersion":"${version}"`, '"workerVersion":"<version>"')
      .replaceAll(`worker       ${version}`, 'worker       <version>')
      .replaceAll(`by ${user}:`, 'by <user>:')
      .replaceAll(`{"id":"${user}","kind":"operator"}`, '{"id":"<user>","kind":"operator"}');
    for (const [pattern, instead] of RULES) {
      said = typeof instead === 'string' ? said.replace(pattern, instead) : said.replace(pattern, instead);
    }
    return said.replace(UID, numbered);
  };
}
