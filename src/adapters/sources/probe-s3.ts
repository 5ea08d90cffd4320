import { randomUUID } from 'node:crypto';
import { HeadObjectCommand } from '@aws-sdk/client-s3';
import { CallsealError } from '../../domain/errors.ts';
import { bad, type Finding, loud, ok } from '../../domain/findings.ts';
import { type Bucket, openBucket } from '../s3/bucket.ts';
import { failureOf } from '../s3/failures.ts';
import { bucketFailure, listingCame, type Reached, reachBucket } from '../s3/probe.ts';
import type { S3Alias } from './s3.ts';

/** `tenant/alias`, as findings name it. */
export type NamedAliases = Readonly<Record<string, S3Alias>>;

/**
 * Every alias by its name, and before it, once each, the endpoints that they share. Reads only.
 *
 * @throws the signal's reason
 */
export async function probeS3Sources(aliases: NamedAliases, signal: AbortSignal): Promise<Finding[]> {
  const looks = await Promise.all(
    Object.entries(aliases).map(async ([name, alias]) => await lookAt(name, alias, signal)),
  );
  const endpoints = new Map(looks.map(({ reachedBy, transport }) => [reachedBy, transport]));
  return [...[...endpoints.values()].flat(), ...looks.map(({ finding }) => finding)];
}

async function lookAt(name: string, alias: S3Alias, signal: AbortSignal) {
  const reached = await reachBucket(alias, signal);
  const { bucket, endpoint, transport } = reached;
  try {
    return {
      reachedBy: JSON.stringify([endpoint, alias.ca, alias.minVersion]),
      transport: transport.map((one) => ({ ...one, name: `${one.name} ${endpoint}` })),
      finding: { ...(await aliasFinding(reached, alias, signal)), name },
    };
  } finally {
    bucket.client.destroy();
  }
}

async function aliasFinding(
  { bucket, listing, endpoint, transport }: Reached,
  alias: S3Alias,
  signal: AbortSignal,
): Promise<Finding> {
  const name = 'alias';
  if (listing === undefined) {
    const status = transport.some((one) => one.status === 'down') ? 'down' : 'bad';
    const finding = `cannot be read: ${endpoint} cannot be used`;
    return { name, status, finding, hint: `see ${endpoint} above; only calls of this alias wait` };
  }
  if (listing.came === 'denied') return bad(name, ...UNLISTABLE);
  if (listing.came === 'failed') return listing.finding;
  const missing = await answerToMissing(bucket, alias.prefix, signal);
  if (missing.isDenied) return bad(name, ...FORBIDDEN);
  if (missing.error !== undefined) return bucketFailure(name, missing.error);
  if (listing.key === undefined) {
    return ok(name, `${alias.bucket}/${alias.prefix} can be listed; nothing is there yet to try reading`);
  }
  return await readable(bucket, listing.key, alias, signal);
}

type Sentences = readonly [finding: string, hint: string];

/** A store may still answer 404 there; AWS does not, and settings outlive a store. */
const UNLISTABLE: Sentences = [
  'the alias lacks s3:ListBucket: a missing object answers 403, and the alias would wait where one call should',
  'grant s3:ListBucket on the bucket beside s3:GetObject: docs/stores.md',
];
const FORBIDDEN: Sentences = [
  'a missing object answers 403 though the alias can be listed, and the alias would wait where one call should',
  'grant s3:GetObject on the prefix, and s3:ListBucket without a condition: docs/stores.md',
];

async function readable(
  { client, target }: Bucket,
  key: string,
  { bucket, prefix }: S3Alias,
  signal: AbortSignal,
): Promise<Finding> {
  const name = 'alias';
  try {
    await client.send(new HeadObjectCommand({ ...target, Key: key }), { abortSignal: signal });
    return ok(name, `${bucket}/${prefix} can be read, and a missing object answers 404`);
  } catch (error) {
    signal.throwIfAborted();
    const failure = failureOf(error);
    // Released at the edge since it was listed.
    if (failure?.meaning === 'missing')
      return ok(name, `${bucket}/${prefix} can be listed, and a missing object answers 404`);
    if (failure?.meaning !== 'denied') return bucketFailure(name, error);
    return loud(
      name,
      `an object below ${bucket}/${prefix} is not ours to read (${failure.words})`,
      'grant s3:GetObject on the prefix, or see who encrypted it',
    );
  }
}

interface Missing {
  readonly isDenied: boolean;
  /** Undefined where it answered as it should. */
  readonly error: unknown;
}

/** What the alias answers for a key that nobody has: its call waits for a 404, the whole alias for a 403. */
async function answerToMissing(
  { client, target }: Bucket,
  prefix: string,
  signal: AbortSignal,
): Promise<Missing> {
  try {
    const Key = `${prefix}doctor/${randomUUID()}`;
    await client.send(new HeadObjectCommand({ ...target, Key }), { abortSignal: signal });
    return { isDenied: false, error: undefined };
  } catch (error) {
    signal.throwIfAborted();
    const meaning = failureOf(error)?.meaning;
    return { isDenied: meaning === 'denied', error: meaning === 'missing' ? undefined : error };
  }
}

/**
 * Refuses an alias where a missing object answers 403: it would pause where one call has to wait. A bucket that is
 * away, or does not take the credentials now, is no reason: its alias waits by itself.
 *
 * @throws CallsealError BAD_CONFIG
 */
export async function refuseUnlistable(aliases: NamedAliases, signal: AbortSignal): Promise<void> {
  for (const [name, alias] of Object.entries(aliases)) {
    const why = await whyRefused(alias, signal);
    if (why === undefined) continue;
    const [finding, hint] = why;
    throw new CallsealError('BAD_CONFIG', `source alias ${name}: ${finding}`, { hint });
  }
}

async function whyRefused(alias: S3Alias, signal: AbortSignal): Promise<Sentences | undefined> {
  const bucket = openBucket(alias);
  try {
    const came = await listingCame(bucket, alias, signal);
    if (came === 'denied') return UNLISTABLE;
    if (came === 'failed') return undefined;
    return (await answerToMissing(bucket, alias.prefix, signal)).isDenied ? FORBIDDEN : undefined;
  } finally {
    bucket.client.destroy();
  }
}
