import { execFile } from 'node:child_process';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { isDeepStrictEqual, promisify } from 'node:util';
import {
  buildClient,
  CommitmentPolicy,
  RawAesKeyringNode,
  RawAesWrappingSuiteIdentifier,
} from '@aws-crypto/client-node';
import { CANARY, type Campaign, type Expected } from './embedded-campaign.ts';
import type { EmbeddedWorld } from './embedded-world.ts';

const run = promisify(execFile);

/** What a judge read of a data folder, with SQL and eyes of its own. */
interface Row {
  readonly [column: string]: unknown;
}

interface Published {
  readonly id: string;
  readonly key: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly value: Buffer;
}

/**
 * Judges a data folder after a campaign, without the product's code: its database by SQL, its objects by the stock
 * library. @returns every promise that does not hold, as a sentence; an empty list is the verdict
 */
export async function judge(world: EmbeddedWorld, campaign: Campaign): Promise<string[]> {
  const database = new DatabaseSync(join(world.data, 'callseal.db'), { readOnly: true });
  const wrong: string[] = [];
  try {
    const outcomes = published(database, 'callseal.calls.outcome');
    for (const expected of campaign.expected) wrong.push(...judgeAnswer(database, outcomes, expected));
    wrong.push(...judgeReceipts(database), ...judgeKeys(database), ...judgeIntents(database));
    wrong.push(...repeatedIds(outcomes), ...repeatedIds(published(database, 'callseal.transcripts.sealed')));
    wrong.push(...(await judgeObjects(world, database)));
  } finally {
    database.close();
  }
  wrong.push(
    ...(await judgeCommand(world, ['verify', '--all'])),
    ...(await judgeCommand(world, ['audit', 'verify'])),
  );
  wrong.push(...(await judgePlaintext(world, campaign)), ...(await canaries(world)));
  return wrong;
}

function judgeAnswer(database: DatabaseSync, outcomes: readonly Published[], expected: Expected): string[] {
  const { topic, offset, call } = expected;
  const rows = all(
    database,
    'select uid, answer, code from answers where origin_topic = ? and origin_offset = ?',
    topic,
    offset,
  );
  const [row] = rows;
  if (!row || rows.length > 1) return [`${call}: ${rows.length} answers for one delivery`];
  const wrong: string[] = [];
  if (!expected.answers.includes(String(row['answer'])))
    wrong.push(`${call}: answered ${String(row['answer'])}`);
  if (expected.code !== undefined && row['code'] !== expected.code)
    wrong.push(`${call}: code ${String(row['code'])}`);
  const origin = `${topic}/0/${offset}`;
  const mine = outcomes.filter(({ headers }) => headers['callseal-origin'] === origin);
  const due = row['answer'] === 'duplicate' ? 0 : 1;
  if (mine.length !== due) wrong.push(`${call}: ${mine.length} outcomes instead of ${due}`);
  return wrong;
}

function judgeReceipts(database: DatabaseSync): string[] {
  const doubled = all(
    database,
    'select tenant, call, revision, generation, count(*) as n from receipts group by 1, 2, 3, 4 having n > 1',
  );
  return doubled.map((row) => `${String(row['call'])}: ${String(row['n'])} receipts of one revision`);
}

/** A wrapped key exists only beside a receipt that names it, and every named key exists. */
function judgeKeys(database: DatabaseSync): string[] {
  const named = new Set(receiptArtifacts(database).map(({ keyName }) => keyName));
  const kept = new Set(all(database, 'select name from call_keys').map((row) => String(row['name'])));
  return [
    ...[...kept].filter((name) => !named.has(name)).map((name) => `key ${name} stands beside no receipt`),
    ...[...named].filter((name) => !kept.has(name)).map((name) => `key ${name} of a receipt is missing`),
  ];
}

/** An intent may be open only while its attempt is: the sweep closes those of a dead process a day later. */
function judgeIntents(database: DatabaseSync): string[] {
  const open = all(
    database,
    `select i.uid from open_intents i left join attempts a on a.uid = i.attempt
     where i.attempt is not null and (a.state is null or a.state <> 'open')`,
  );
  return open.map((row) => `intent ${String(row['uid'])} is open and its attempt is not`);
}

function repeatedIds(records: readonly Published[]): string[] {
  const seen = new Set<string>();
  return records.flatMap(({ id }) =>
    seen.has(id) ? [`output ${id} was published twice`] : (seen.add(id), []),
  );
}

/** Every object a receipt names is there, whole; every object that is there belongs to an attempt. */
async function judgeObjects(world: EmbeddedWorld, database: DatabaseSync): Promise<string[]> {
  const root = join(world.data, 'objects');
  const attempts = new Set(all(database, 'select uid from attempts').map((row) => String(row['uid'])));
  const wrong: string[] = [];
  for (const { object, sealedBytes } of receiptArtifacts(database)) {
    const size = await stat(join(root, object)).then(
      ({ size: bytes }) => bytes,
      () => -1,
    );
    if (size !== sealedBytes) wrong.push(`${object}: ${size} bytes instead of ${sealedBytes}`);
  }
  for (const entry of await readdir(root, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile()) continue;
    const attempt = entry.parentPath.split('/').at(-1) ?? '';
    if (!attempts.has(attempt)) wrong.push(`${entry.name}: an object of no known attempt`);
  }
  return wrong;
}

async function judgeCommand(world: EmbeddedWorld, words: readonly string[]): Promise<string[]> {
  const { code, stdout, stderr } = await world.callseal(words);
  return code === 0 ? [] : [`${words.join(' ')} ended with ${code}:\n${stdout}${stderr}`];
}

/** Opens the newest revision of some calls with the stock library and the exported keys. */
async function judgePlaintext(world: EmbeddedWorld, { expected }: Campaign): Promise<string[]> {
  const wrong: string[] = [];
  const whole = expected.filter(({ plain }) => plain !== undefined);
  for (const one of whole.filter((_, i) => i % Math.ceil(whole.length / 12) === 0)) {
    wrong.push(...(await judgeCall(world, one)));
  }
  return wrong;
}

async function judgeCall(
  world: EmbeddedWorld,
  { tenant, call, plain = new Map() }: Expected,
): Promise<string[]> {
  const shown = JSON.parse((await world.callseal(['show', `${tenant}/${call}`, '--json'])).stdout) as {
    callUid: string;
    receipts: {
      artifacts: { id: string; kind: string; keyName: string; keyClass: string; object: string }[];
    }[];
  };
  const wrong: string[] = [];
  const artifacts = shown.receipts.at(-1)?.artifacts ?? [];
  for (const { id, kind, keyName, keyClass, object } of artifacts) {
    const file = join(world.folder, `${keyName}-${id}.key`);
    const words = ['--class', keyClass, '--key', keyName, '-o', file, '--reason', 'judging'];
    const exported = await world.callseal(['keys', 'export', `${tenant}/${call}`, ...words]);
    if (exported.code !== 0) return [`${call}: keys export ended with ${exported.code}: ${exported.stderr}`];
    const opened = await stockOpen(
      await readFile(file),
      keyName,
      await readFile(join(world.data, 'objects', object)),
    );
    const expectedContext = { tenant, call: shown.callUid, artifact: id, kind };
    if (!sameContext(opened.context, expectedContext)) wrong.push(`${call} ${id}: another context`);
    if (!opened.plaintext.equals(plain.get(id) ?? Buffer.from('?')))
      wrong.push(`${call} ${id}: other plaintext`);
  }
  if (artifacts.length !== plain.size)
    wrong.push(`${call}: ${artifacts.length} artifacts instead of ${plain.size}`);
  return wrong;
}

const { decrypt } = buildClient(CommitmentPolicy.REQUIRE_ENCRYPT_REQUIRE_DECRYPT);

async function stockOpen(
  key: Buffer,
  keyName: string,
  sealed: Buffer,
): Promise<{ plaintext: Buffer; context: Record<string, string> }> {
  const keyring = new RawAesKeyringNode({
    keyName,
    keyNamespace: 'callseal',
    unencryptedMasterKey: new Uint8Array(key),
    wrappingSuite: RawAesWrappingSuiteIdentifier.AES256_GCM_IV12_TAG16_NO_PADDING,
    utf8Sorting: true,
  });
  const { plaintext, messageHeader } = await decrypt(keyring, sealed);
  return { plaintext, context: { ...messageHeader.encryptionContext } };
}

function sameContext(a: Record<string, string>, b: Record<string, string>): boolean {
  return isDeepStrictEqual({ ...a }, { ...b });
}

/** grep, not our code: no file of the data folder may hold the word that every plaintext begins with. */
async function canaries(world: EmbeddedWorld): Promise<string[]> {
  const found = await run('grep', ['-rlF', CANARY, world.data]).then(
    ({ stdout }) => stdout.trim().split('\n'),
    () => [],
  );
  return found.map((file) => `${file} holds plaintext`);
}

function receiptArtifacts(
  database: DatabaseSync,
): { object: string; keyName: string; sealedBytes: number }[] {
  const rows = all(database, 'select receipt from receipts');
  return rows.flatMap(
    (row) =>
      (
        JSON.parse(String(row['receipt'])) as {
          artifacts: { object: string; keyName: string; sealedBytes: number }[];
        }
      ).artifacts,
  );
}

function published(database: DatabaseSync, topic: string): Published[] {
  const rows = all(database, 'select id, key, headers, value from output_records where topic = ?', topic);
  return rows.map((row) => ({
    id: String(row['id']),
    key: String(row['key']),
    headers: JSON.parse(String(row['headers'])) as Record<string, string>,
    value: Buffer.from(row['value'] as Uint8Array),
  }));
}

function all(database: DatabaseSync, text: string, ...values: (string | number)[]): Row[] {
  return database.prepare(text).all(...values);
}
