/**
 * The same job, written the usual way: one message at a time with `eachMessage`, the SDKs as they come, the AWS
 * Encryption SDK, lib-storage. It seals and announces the same artifacts; it has no answers, no audit events, no
 * receipts, no transactions, no budgets and no replays, so it does less than what it is compared with.
 *
 * One argument: a JSON file, see `ReferenceSettings`. Runs until SIGTERM.
 */
import { readFileSync } from 'node:fs';
import { Readable } from 'node:stream';
import { buildClient, CommitmentPolicy, getClient, KmsKeyringNode } from '@aws-crypto/client-node';
import { KMS } from '@aws-sdk/client-kms';
import { GetObjectCommand, S3Client } from '@aws-sdk/client-s3';
import { Upload } from '@aws-sdk/lib-storage';
import { Kafka, logLevel } from 'kafkajs';

export interface ReferenceSettings {
  readonly brokers: readonly string[];
  readonly tls: { readonly ca: string; readonly cert: string; readonly key: string };
  readonly group: string;
  readonly topics: { readonly inbox: string; readonly outcome: string; readonly transcripts: string };
  readonly s3: {
    readonly endpoint: string;
    readonly region: string;
    readonly source: string;
    readonly target: string;
  };
  readonly kms: { readonly endpoint: string; readonly region: string; readonly account: string };
  readonly credentials: Readonly<Record<'s3' | 'kms', { accessKeyId: string; secretAccessKey: string }>>;
}

interface Event {
  readonly data: {
    readonly tenant: string;
    readonly call: string;
    readonly artifacts: readonly { id: string; kind: string; source: { key: string } }[];
  };
}

const settings: ReferenceSettings = JSON.parse(readFileSync(process.argv[2] ?? '', 'utf8'));
const { brokers, tls, topics, s3, kms, credentials } = settings;
const kafka = new Kafka({
  clientId: 'reference',
  brokers: [...brokers],
  ssl: { ca: readFileSync(tls.ca), cert: readFileSync(tls.cert), key: readFileSync(tls.key) },
  logLevel: logLevel.ERROR,
});
const store = new S3Client({
  endpoint: s3.endpoint,
  region: s3.region,
  forcePathStyle: true,
  credentials: credentials.s3,
});
const { encryptStream } = buildClient(CommitmentPolicy.REQUIRE_ENCRYPT_REQUIRE_DECRYPT);
// @ts-expect-error -- its types want the client of another release, with other optional properties
const clientProvider = getClient(KMS, { endpoint: kms.endpoint, credentials: credentials.kms });
const keyringOf = (tenant: string): KmsKeyringNode =>
  new KmsKeyringNode({
    generatorKeyId: `arn:aws:kms:${kms.region}:${kms.account}:alias/${tenant}-phi`,
    clientProvider,
  });

async function seal(tenant: string, call: string, { id, kind, source }: Event['data']['artifacts'][number]) {
  const found = await store.send(new GetObjectCommand({ Bucket: s3.source, Key: `${tenant}/${source.key}` }));
  if (!(found.Body instanceof Readable)) throw new TypeError(`no body of ${source.key}`);
  const sealed = found.Body.pipe(
    encryptStream(keyringOf(tenant), { encryptionContext: { tenant, call, artifact: id, kind } }),
  );
  const key = `reference/${tenant}/${call}/${id}`;
  await new Upload({ client: store, params: { Bucket: s3.target, Key: key, Body: sealed } }).done();
  return { id, kind, object: key };
}

const consumer = kafka.consumer({ groupId: settings.group });
const producer = kafka.producer();
await Promise.all([consumer.connect(), producer.connect()]);
await consumer.subscribe({ topics: [topics.inbox], fromBeginning: true });
await consumer.run({
  eachMessage: async ({ message }) => {
    const { data }: Event = JSON.parse(String(message.value));
    const { tenant, call, artifacts } = data;
    const sealed = [];
    for (const artifact of artifacts) sealed.push(await seal(tenant, call, artifact));
    const key = `${tenant}/${call}`;
    const transcript = sealed.find(({ kind }) => kind === 'transcript');
    if (transcript) {
      await producer.send({
        topic: topics.transcripts,
        messages: [{ key, value: JSON.stringify(transcript) }],
      });
    }
    const outcome = { tenant, call, answer: 'sealed', artifacts: sealed };
    await producer.send({ topic: topics.outcome, messages: [{ key, value: JSON.stringify(outcome) }] });
  },
});
process.once('SIGTERM', () => {
  void Promise.all([consumer.disconnect(), producer.disconnect()]).then(() => process.exit(0));
});
