import { ListObjectsV2Command, type ListObjectsV2CommandOutput } from '@aws-sdk/client-s3';

import { CallsealError } from '../../domain/errors.ts';
import { bad, down, type Finding, loud, ok } from '../../domain/findings.ts';
import { watchRequests } from '../aws/probe.ts';
import { probeTls, type TlsLook } from '../tls/probe.ts';
import { type Bucket, type BucketOptions, openBucket } from './bucket.ts';
import { failureOf, type Meaning } from './failures.ts';

/** A probe looks once: what fails now is what is to be said. */
export const ONCE = { attempts: 1, firstDelayMs: 0, maxDelayMs: 0 };

/** Shorter than where bytes are sealed: somebody waits for the answer. */
const IDLE_TIMEOUT_MS = 10_000;

export interface Reached {
  readonly bucket: Bucket;
  /** `host:port`; undefined where no request could be signed. */
  readonly endpoint: string | undefined;
  /** Certificate, TLS version and clock of the endpoint. */
  readonly transport: readonly Finding[];
  /** Undefined where the endpoint cannot be used: `transport` says why. */
  readonly listing: Listing | undefined;
}

interface Listing {
  readonly finding: Finding;
  /** The first key below the prefix. */
  readonly key: string | undefined;
  /** `denied`: these credentials are good, and may not list. */
  readonly came: 'listed' | 'denied' | 'failed';
}

/**
 * Lists one key: unlike a HEAD, its refusals say why. The caller destroys the client.
 *
 * @throws the signal's reason
 */
export async function reachBucket(
  options: BucketOptions & { readonly prefix?: string },
  signal: AbortSignal,
): Promise<Reached> {
  const bucket = openBucket({ ...options, idleTimeoutMs: IDLE_TIMEOUT_MS });
  const { watch, middleware } = watchRequests();
  bucket.client.middlewareStack.add(middleware, { step: 'deserialize', priority: 'low', name: 'watched' });
  const answer = await listed(bucket, options, signal);
  const place = watch.place();
  const tls: TlsLook = place
    ? await probeTls({ ...place, ca: options.ca, minVersion: options.minVersion }, signal)
    : { findings: [], usable: true };
  const clock = watch.clock();
  return {
    bucket,
    endpoint: place && `${place.host}:${place.port}`,
    transport: [...tls.findings, ...(clock ? [clock] : [])],
    listing: tls.usable ? await listingOf(bucket, options, answer, signal) : undefined,
  };
}

async function listed(
  { client, target }: Bucket,
  { prefix }: { readonly prefix?: string },
  signal: AbortSignal,
): Promise<ListObjectsV2CommandOutput | { readonly error: unknown }> {
  const command = new ListObjectsV2Command({
    ...target,
    ...(prefix !== undefined && { Prefix: prefix }),
    MaxKeys: 1,
  });
  try {
    return await client.send(command, { abortSignal: signal });
  } catch (error) {
    signal.throwIfAborted();
    return { error };
  }
}

async function listingOf(
  bucket: Bucket,
  options: BucketOptions & { readonly prefix?: string },
  answer: Awaited<ReturnType<typeof listed>>,
  signal: AbortSignal,
): Promise<Listing> {
  if (!('error' in answer)) {
    const finding = await ownerFinding(bucket, options, signal);
    return { finding, key: answer.Contents?.[0]?.Key, came: 'listed' };
  }
  const isDenied = failureOf(answer.error)?.meaning === 'denied';
  const another =
    isDenied && options.expectedOwner ? await listed(withoutOwner(bucket), options, signal) : answer;
  const finding =
    'error' in another
      ? bucketFailure('bucket', answer.error)
      : bad(
          'bucket',
          `${options.bucket} belongs to another account than expectedOwner`,
          'look whose bucket it is before anything is written: bucket and expectedOwner of this block',
        );
  return {
    finding,
    key: undefined,
    came: 'error' in another ? cameOf(answer.error) : 'failed',
  };
}

function cameOf(error: unknown): 'denied' | 'failed' {
  return failureOf(error)?.words.startsWith('AccessDenied') === true ? 'denied' : 'failed';
}

/** One listing alone, for who starts and does not ask for more. */
export async function listingCame(
  bucket: Bucket,
  options: BucketOptions & { readonly prefix: string },
  signal: AbortSignal,
): Promise<Listing['came']> {
  const answer = await listed(bucket, options, signal);
  if (!('error' in answer)) return 'listed';
  // A bucket of another owner answers 403, too.
  const isOthers =
    options.expectedOwner && !('error' in (await listed(withoutOwner(bucket), options, signal)));
  return isOthers ? 'failed' : cameOf(answer.error);
}

/** An account that owns nothing. */
const NOBODY = '000000000000';

async function ownerFinding(
  { client, target }: Bucket,
  { bucket, expectedOwner }: BucketOptions,
  signal: AbortSignal,
): Promise<Finding> {
  if (!expectedOwner)
    return ok('bucket', `${bucket} is there; expectedOwner is not set, so any owner is taken`);
  const asked = await listed({ client, target: { ...target, ExpectedBucketOwner: NOBODY } }, {}, signal);
  if ('error' in asked) return ok('bucket', `${bucket} is there, and of account ${expectedOwner}`);
  return loud(
    'bucket',
    `${bucket} is there, but this store ignores expectedOwner`,
    'nothing but its name says whose bucket it is: docs/stores.md',
  );
}

function withoutOwner({ client, target: { Bucket: name } }: Bucket): Bucket {
  return { client, target: { Bucket: name } };
}

/** What a store's answer means for the settings, and what to do about it. */
const SAYS: Readonly<Record<Meaning, readonly [finding: string, hint: string]>> = {
  missing: ['there is no such bucket', 'make it, or look at bucket, region and endpoint'],
  'no-bucket': ['there is no such bucket', 'make it, or look at bucket, region and endpoint'],
  denied: ['the store does not let us', 'grant the rights that docs/stores.md lists'],
  down: ['the store does not answer as it should', 'look at the store; sealing waits for it'],
  full: ['the store has no room left', 'make room or raise the quota'],
  unable: ['the store refuses a request', 'look at region and endpoint, and at docs/stores.md'],
  exists: ['the store holds what nobody has put there', 'look who else writes into this bucket'],
  beyond: ['the store holds less than was put there', 'look at the store: it loses bytes'],
  'no-upload': ['the store has lost an upload', 'look who else clears this bucket of uploads'],
};

/** Refusals by their code, since 403 has many reasons. */
const SAYS_BY_CODE: readonly (readonly [code: RegExp, finding: string, hint: string])[] = [
  [
    /^(InvalidAccessKeyId|SignatureDoesNotMatch|InvalidToken|ExpiredToken)\b|^no credentials/,
    'the store does not take our credentials',
    'look at credentialsFile, or at the role of this machine',
  ],
  [
    /^RequestTimeTooSkewed\b/,
    'the store does not take our clock',
    'set the clock: timedatectl, or chronyc tracking',
  ],
];

/** A failed request in a sentence. */
export function bucketFailure(name: string, error: unknown): Finding {
  if (error instanceof CallsealError) {
    return bad(name, error.message, error.hint ?? 'look at the file in credentialsFile');
  }
  const failure = failureOf(error);
  if (failure === undefined)
    return bad(name, 'the request failed in a way that is not known', 'please report this');
  const { meaning, words } = failure;
  const [, says, hint] = SAYS_BY_CODE.find(([code]) => code.test(words)) ?? ['', ...SAYS[meaning]];
  const finding = `${says} (${words})`;
  return meaning === 'down' ? down(name, finding, hint) : bad(name, finding, hint);
}
