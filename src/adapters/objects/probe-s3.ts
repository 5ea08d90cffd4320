import {
  GetBucketEncryptionCommand,
  GetBucketVersioningCommand,
  GetObjectLockConfigurationCommand,
} from '@aws-sdk/client-s3';
import { type Finding, loud, ok } from '../../domain/findings.ts';
import { failureOf } from '../s3/failures.ts';
import { bucketFailure, ONCE, reachBucket } from '../s3/probe.ts';
import { tryWriting } from './probe-s3-writing.ts';
import { openStore, type S3ObjectsOptions } from './s3.ts';
import type { S3Store } from './s3-store.ts';

/**
 * The bucket of sealed objects, as the worker's user sees it: how it is reached, how it is set, and whether it does
 * what docs/stores.md says it must. What is written stands under `doctor/` and is removed before this resolves.
 *
 * @throws the signal's reason
 */
export async function probeS3Objects(options: S3ObjectsOptions, signal: AbortSignal): Promise<Finding[]> {
  const { bucket, transport, listing } = await reachBucket(options, signal);
  const store = { ...openStore({ ...options, patience: ONCE }), client: bucket.client };
  try {
    if (listing === undefined) return [...transport];
    if (listing.came !== 'listed') return [...transport, listing.finding];
    const lock = await objectLock(store, signal);
    return [
      ...transport,
      listing.finding,
      await versioning(store, signal),
      lock.finding,
      await encryption(store, signal),
      ...(lock.mayWrite ? await tryWriting(store, signal) : [untried()]),
    ];
  } finally {
    bucket.client.destroy();
  }
}

/** The right to ask is not one that the worker needs, and not every store has an answer. */
async function asked<T>(
  name: string,
  ask: () => Promise<T>,
  signal: AbortSignal,
): Promise<T | Finding | { readonly code: string }> {
  try {
    return await ask();
  } catch (error) {
    signal.throwIfAborted();
    const failure = failureOf(error);
    if (failure === undefined || (failure.meaning === 'down' && failure.again))
      return bucketFailure(name, error);
    return {
      code: error instanceof Error ? error.name : '',
      ...(failure.meaning === 'denied' && { code: 'denied' }),
    };
  }
}

async function versioning({ client, target }: S3Store, signal: AbortSignal): Promise<Finding> {
  const name = 'versioning';
  const found = await asked(
    name,
    async () => await client.send(new GetBucketVersioningCommand({ ...target }), { abortSignal: signal }),
    signal,
  );
  if ('finding' in found) return found;
  if ('code' in found) return ok(name, cannotSay(found.code, 's3:GetBucketVersioning'));
  if (found.Status === 'Enabled') return ok(name, 'on: what is deleted is deleted in all its versions');
  return ok(name, found.Status === 'Suspended' ? 'suspended' : 'off');
}

interface Lock {
  readonly finding: Finding;
  /** Nothing that is written there now would be kept against our will. */
  readonly mayWrite: boolean;
}

async function objectLock({ client, target }: S3Store, signal: AbortSignal): Promise<Lock> {
  const name = 'object lock';
  const found = await asked(
    name,
    async () =>
      await client.send(new GetObjectLockConfigurationCommand({ ...target }), { abortSignal: signal }),
    signal,
  );
  if ('finding' in found) return { finding: found, mayWrite: false };
  if ('code' in found) {
    if (found.code !== 'denied') return { finding: ok(name, none(found.code)), mayWrite: true };
    const finding = loud(
      name,
      'not known: we may not ask',
      'grant s3:GetBucketObjectLockConfiguration to whom runs doctor',
    );
    return { finding, mayWrite: false };
  }
  const rule = found.ObjectLockConfiguration?.Rule?.DefaultRetention;
  if (rule === undefined)
    return {
      finding: ok(name, found.ObjectLockConfiguration ? 'on, and nothing is kept by default' : 'none'),
      mayWrite: true,
    };
  const { Mode: mode = 'unknown mode', Days: days, Years: years } = rule;
  const span = years === undefined ? `${days ?? '?'} days` : `${years} years`;
  return {
    finding: loud(
      name,
      `every object is kept for ${span} (${mode}): until then nothing can be swept or deleted`,
      'take the default retention off, unless that is meant; a shred destroys keys all the same',
    ),
    mayWrite: false,
  };
}

function none(code: string): string {
  return code === 'ObjectLockConfigurationNotFoundError' ? 'none' : cannotSay(code, '');
}

function untried(): Finding {
  return loud('writing', 'not tried: an object of ours might have to stay', 'see object lock, above');
}

async function encryption(
  { client, target, encryption: asks }: S3Store,
  signal: AbortSignal,
): Promise<Finding> {
  const name = 'encryption';
  const wanted =
    asks.ServerSideEncryption === undefined ? 'sse is not set' : `sse asks for ${asks.ServerSideEncryption}`;
  const found = await asked(
    name,
    async () => await client.send(new GetBucketEncryptionCommand({ ...target }), { abortSignal: signal }),
    signal,
  );
  if ('finding' in found) return found;
  if ('code' in found) {
    const isNone = found.code === 'ServerSideEncryptionConfigurationNotFoundError';
    return ok(
      name,
      `${isNone ? 'none by default' : cannotSay(found.code, 's3:GetEncryptionConfiguration')}; ${wanted}`,
    );
  }
  const rule = found.ServerSideEncryptionConfiguration?.Rules?.[0]?.ApplyServerSideEncryptionByDefault;
  return ok(name, `${rule?.SSEAlgorithm ?? 'none'} by default; ${wanted}`);
}

function cannotSay(code: string, right: string): string {
  return code === 'denied'
    ? `not known: we may not ask (${right})`
    : `this store cannot say (${code || 'no answer'})`;
}
