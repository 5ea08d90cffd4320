import { randomUUID } from 'node:crypto';
import { HeadObjectCommand } from '@aws-sdk/client-s3';
import { CallsealError } from '../../domain/errors.ts';
import { bad, type Finding, loud, ok } from '../../domain/findings.ts';
import { type Bucket, openBucket } from '../s3/bucket.ts';
import { failureOf } from '../s3/failures.ts';
import { bucketFailure, isUnlistable, type Reached, reachBucket } from '../s3/probe.ts';
import type { S3Alias } from './s3.ts';

/** `tenant/alias`, as findings name it. */
export type NamedAliases = Readonly<Record<string, S3Alias>>;

/**
 * Every alias by its name, and before it, once each, the endpoints that they share. Reads only.
 *
 * @throws the signal's reason
 */
export async function probeS3Sources(aliases: NamedAliases, signal: AbortSignal): Promise<Finding[]> {
  const seen = new Set<string | undefined>();
  const endpoints: Finding[] = [];
  const found: Finding[] = [];
  for (const [name, alias] of Object.entries(aliases)) {
    const reached = await reachBucket(alias, signal);
    try {
      if (!seen.has(reached.endpoint)) {
        endpoints.push(
          ...reached.transport.map((one) => ({ ...one, name: `${one.name} ${reached.endpoint}` })),
        );
      }
      seen.add(reached.endpoint);
      found.push({ ...(await aliasFinding(reached, alias, signal)), name });
    } finally {
      reached.bucket.client.destroy();
    }
  }
  return [...endpoints, ...found];
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
  const missing = await answerToMissing(bucket, alias.prefix, signal);
  if (missing.isDenied && listing.came === 'denied') return bad(name, UNLISTED, LIST_HINT);
  if (listing.came !== 'listed') return listing.finding;
  if (missing.error !== undefined) return bucketFailure(name, missing.error);
  if (listing.key === undefined) {
    return ok(name, `${alias.bucket}/${alias.prefix} can be listed; nothing is there yet to try reading`);
  }
  return await readable(bucket, listing.key, alias, signal);
}

const UNLISTED =
  'a missing object answers 403: the alias lacks s3:ListBucket, and would wait where a call should';
const LIST_HINT = 'grant s3:ListBucket on the bucket beside s3:GetObject: docs/stores.md';

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
    const bucket = openBucket(alias);
    try {
      if (!(await answerToMissing(bucket, alias.prefix, signal)).isDenied) continue;
      if (!(await isUnlistable(bucket, alias.prefix, signal))) continue;
      throw new CallsealError('BAD_CONFIG', `source alias ${name}: ${UNLISTED}`, {
        hint: `${LIST_HINT}; callseal doctor --connect`,
      });
    } finally {
      bucket.client.destroy();
    }
  }
}
