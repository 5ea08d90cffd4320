import { readFile } from 'node:fs/promises';
import { ListObjectsV2Command } from '@aws-sdk/client-s3';
import { Client } from 'pg';
import { openBucket } from '../../src/adapters/s3/bucket.ts';
import type { AuditFact } from '../../src/domain/audit-event.ts';
import { readSecret } from '../services/env.ts';
import { KmsAdmin } from '../services/kms-admin.ts';
import type { ClusterWorld } from './cluster-world.ts';
import { agreement } from './kms-agreement.ts';
import { readTopic, type TopicRecord } from './topic-records.ts';

/** What was found in a campaign's remains, counted. */
export interface Verdict {
  readonly deliveries: number;
  readonly sealed: number;
  readonly repeats: number;
  /** Every promise that does not hold, as a sentence. */
  readonly wrong: readonly string[];
}

interface AnswerRow {
  readonly outcome: string | null;
  readonly origin: string;
  readonly answer: string;
  readonly code: string | null;
}

interface ReceiptRow {
  readonly tenant: string;
  readonly call: string;
  readonly revision: string;
  readonly generation: string;
  readonly receipt: string;
}

/** Judges topics under both isolation levels, registry, bucket and the log of the key service, each with its own client. */
export async function judgeCluster(world: ClusterWorld): Promise<Verdict> {
  const { base } = world.services;
  const { inbox, outputs } = world.topics;
  const delivered = await readTopic(base, inbox[0] ?? '', 'read_committed');
  const outcomes = await readTopic(base, outputs.outcome, 'read_committed');
  const transcripts = await readTopic(base, outputs.transcripts, 'read_committed');
  const letters = await readTopic(base, outputs.dlq, 'read_committed');
  const database = await connectTo(world);
  try {
    const answers = await answersIn(database);
    const sealed = answers.filter(({ answer }) => answer.startsWith('sealed'));
    return {
      deliveries: delivered.length,
      sealed: sealed.length,
      repeats: answers.filter(({ answer }) => answer === 'duplicate').length,
      wrong: [
        ...letters.map(({ headers }) => `a dead letter: ${headers['callseal-code']}`),
        ...judgeAnswers(world.topics.inbox[0] ?? '', delivered, answers),
        ...judgeOutcomes(outcomes, answers),
        ...twice('outcome', outcomes),
        ...twice('transcript', transcripts),
        ...judgeTranscripts(transcripts, outcomes),
        ...(await judgeRepeats(base, outputs.outcome)),
        ...judgeOrder(outcomes),
        ...(await judgeReceipts(world, database)),
        ...(await judgeKeys(world, database)),
        ...(await judgeCommand(world, ['verify', '--all'])),
        ...(await judgeCommand(world, ['audit', 'verify'])),
      ],
    };
  } finally {
    await database.end();
  }
}

async function connectTo({ services, database }: ClusterWorld): Promise<Client> {
  const { host, port, users } = services.postgres;
  const client = new Client({
    host,
    port,
    database,
    user: users.superuser.user,
    password: readSecret(users.superuser.passwordFile),
    ssl: { ca: await readFile(services.tls.ca, 'utf8') },
  });
  await client.connect();
  return client;
}

async function answersIn(database: Client): Promise<AnswerRow[]> {
  const { rows } = await database.query<AnswerRow>(
    `select outcome, answer, code, origin_topic || '/' || origin_partition || '/' || origin_offset as origin
     from answers where replay = 0`,
  );
  return rows;
}

/** One answer for every record of the inbox, and none that nobody asked for. */
function judgeAnswers(
  topic: string,
  delivered: readonly TopicRecord[],
  answers: readonly AnswerRow[],
): string[] {
  const byOrigin = new Map(answers.map((row) => [row.origin, row]));
  const origins = delivered.map(({ partition, offset }) => `${topic}/${partition}/${offset}`);
  const known = new Set(origins);
  return [
    ...origins.filter((origin) => !byOrigin.has(origin)).map((origin) => `${origin} was never answered`),
    ...answers
      .filter(({ origin }) => !known.has(origin))
      .map(({ origin }) => `${origin} was never published`),
    ...answers
      .filter(({ answer }) => !/^(sealed|sealed-with-warnings|duplicate|superseded)$/.test(answer))
      .map(({ origin, answer, code }) => `${origin}: ${answer} ${code}`),
  ];
}

/** One outcome for every answer but a duplicate, and it is that answer's. */
function judgeOutcomes(outcomes: readonly TopicRecord[], answers: readonly AnswerRow[]): string[] {
  const of = Map.groupBy(outcomes, ({ headers }) => headers['callseal-origin'] ?? '');
  return answers.flatMap(({ origin, outcome, answer }) => {
    const mine = of.get(origin) ?? [];
    const due = answer === 'duplicate' ? 0 : 1;
    if (mine.length !== due) return [`${origin}: ${mine.length} outcomes instead of ${due}`];
    return mine.every(({ value }) => value.toString() === outcome)
      ? []
      : [`${origin}: the outcome of another answer`];
  });
}

/** One for each artifact that an outcome says is announced; what was carried over is announced no more. */
function judgeTranscripts(transcripts: readonly TopicRecord[], outcomes: readonly TopicRecord[]): string[] {
  const announced = outcomes.flatMap(({ value }) => {
    const { artifacts }: { artifacts: { object: string; announced?: string }[] } = JSON.parse(
      value.toString(),
    );
    return artifacts.filter((artifact) => artifact.announced !== undefined);
  });
  return announced.length === transcripts.length
    ? []
    : [`${transcripts.length} transcripts, and ${announced.length} are announced`];
}

function twice(what: string, records: readonly TopicRecord[]): string[] {
  const byId = Map.groupBy(records, ({ headers }) => headers['ce_id'] ?? '');
  return [...byId].filter(([, same]) => same.length > 1).map(([id]) => `${what} ${id} stands there twice`);
}

/** Whoever reads uncommitted records may see one again: with the same id, and the same bytes. */
async function judgeRepeats(base: number, topic: string): Promise<string[]> {
  const all = await readTopic(base, topic, 'read_uncommitted');
  return [...Map.groupBy(all, ({ headers }) => headers['ce_id'] ?? '')]
    .filter(([, [first, ...others]]) => others.some(({ value }) => first?.value.equals(value) === false))
    .map(([id]) => `outcome ${id} was repeated with other bytes`);
}

/** Outcomes of a call stand in the order in which its records were published. */
function judgeOrder(outcomes: readonly TopicRecord[]): string[] {
  return [...Map.groupBy(outcomes, ({ key }) => key)].flatMap(([key, ofCall]) => {
    const offsets = ofCall.map(({ headers }) => Number(headers['callseal-origin']?.split('/').at(-1)));
    const sorted = offsets.toSorted((a, b) => a - b);
    return offsets.every((offset, i) => offset === sorted[i]) ? [] : [`${key}: outcomes out of order`];
  });
}

/** One receipt for each revision; what receipts name is there, whole; what is there belongs to a known attempt. */
async function judgeReceipts(world: ClusterWorld, database: Client): Promise<string[]> {
  const { rows } = await database.query<ReceiptRow>(
    'select tenant, call, revision, generation, receipt from receipts',
  );
  const { rows: attempts } = await database.query<{ uid: string }>('select uid from attempts');
  const known = new Set(attempts.map(({ uid }) => uid));
  const there = await objectsOf(world);
  const missing = rows.flatMap(({ call, receipt }) => {
    const { artifacts }: { artifacts: { object: string; sealedBytes: number }[] } = JSON.parse(receipt);
    return artifacts
      .filter(({ object, sealedBytes }) => there.get(object) !== sealedBytes)
      .map(({ object }) => `${call}: ${object} is not there as its receipt says`);
  });
  const strangers = [...there.keys()]
    .filter((name) => !known.has(name.split('/').at(-2) ?? ''))
    .map((name) => `${name}: an object of no known attempt`);
  const same = Map.groupBy(rows, (row) => [row.tenant, row.call, row.revision, row.generation].join('/'));
  const doubled = [...same].filter(([, all]) => all.length > 1).map(([name]) => `${name}: several receipts`);
  return [...missing, ...strangers, ...doubled];
}

async function objectsOf({ services: { s3, tls } }: ClusterWorld): Promise<Map<string, number>> {
  const { client, target } = openBucket({
    bucket: 'calls',
    region: s3.region,
    endpoint: s3.endpoint,
    ca: tls.ca,
    pathStyle: true,
    credentialsFile: s3.credentialsFiles.root,
  });
  const found = new Map<string, number>();
  for (let token: string | undefined, more = true; more; more = token !== undefined) {
    const listed = await client.send(new ListObjectsV2Command({ ...target, ContinuationToken: token }));
    for (const { Key = '', Size = -1 } of listed.Contents ?? []) found.set(Key, Size);
    token = listed.NextContinuationToken;
  }
  client.destroy();
  return found;
}

async function judgeKeys({ services }: ClusterWorld, database: Client): Promise<string[]> {
  const { rows } = await database.query<{ fact: string }>(
    `select fact from audit_events where action = 'key.generate'`,
  );
  const kms = new KmsAdmin(
    services.kms.endpoint,
    await readFile(services.tls.ca, 'utf8'),
    readSecret(services.kms.adminSecretFile),
  );
  const facts = rows.map(({ fact }): AuditFact => JSON.parse(fact));
  const { invented, unaccounted } = agreement(facts, await kms.requests());
  return [
    ...(invented > 0
      ? [`${invented} keys that we say were made and the key service's log does not know`]
      : []),
    ...(unaccounted > 0
      ? [`${unaccounted} keys in the key service's log that no audit event accounts for`]
      : []),
  ];
}

async function judgeCommand(world: ClusterWorld, words: readonly string[]): Promise<string[]> {
  return await world.callseal(words).then(
    () => [],
    (error: unknown) => [`${words.join(' ')}: ${String(error).slice(0, 2000)}`],
  );
}
