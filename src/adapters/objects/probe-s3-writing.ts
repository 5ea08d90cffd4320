import { randomUUID } from 'node:crypto';
import { crc32 } from 'node:zlib';
import {
  CreateMultipartUploadCommand,
  GetObjectCommand,
  PutObjectCommand,
  type PutObjectCommandOutput,
} from '@aws-sdk/client-s3';
import { bad, type Finding, loud, ok } from '../../domain/findings.ts';
import { encodeCrc32 } from '../s3/crc32.ts';
import { failureOf } from '../s3/failures.ts';
import { bucketFailure } from '../s3/probe.ts';
import { removeFromS3 } from './s3-remove.ts';
import type { S3Store } from './s3-store.ts';

const BODY = Buffer.from('callseal doctor --connect\n');
const CRC = encodeCrc32(crc32(BODY));
const WRONG_CRC = encodeCrc32(crc32(Buffer.from('another body')));
/** Also when the doctor was told to stop: what it wrote goes. */
const REMOVE_WITHIN_MS = 20_000;

/** What docs/stores.md says a store must do, tried on two names of its own. Each is removed, whatever happened. */
export async function tryWriting(store: S3Store, signal: AbortSignal): Promise<Finding[]> {
  const name = `doctor/${randomUUID()}`;
  const names = [name, `${name}-damaged`];
  let found: Finding[];
  try {
    found = [
      ...(await puts(store, name, signal)),
      await damagedPut(store, `${name}-damaged`, signal),
      await wholeChecksums(store, name, signal),
    ];
  } catch (error) {
    await removal(store, names);
    throw error;
  }
  return [...found, await removal(store, names)];
}

/** The object goes in once; a second one under its name is refused; what is read is what was written. */
async function puts(store: S3Store, name: string, signal: AbortSignal): Promise<Finding[]> {
  const first = await put(store, name, CRC, signal);
  if ('error' in first) return [bucketFailure('put', first.error)];
  const second = await put(store, name, CRC, signal);
  return [await readBack(store, name, signal), storeEncryption(store, first), conditional(second)];
}

type Put = PutObjectCommandOutput | { readonly error: unknown };

async function put(
  { client, target, encryption }: S3Store,
  name: string,
  checksum: string,
  signal: AbortSignal,
): Promise<Put> {
  const command = new PutObjectCommand({
    ...target,
    ...encryption,
    Key: name,
    Body: BODY,
    ChecksumCRC32: checksum,
    IfNoneMatch: '*',
  });
  try {
    return await client.send(command, { abortSignal: signal });
  } catch (error) {
    signal.throwIfAborted();
    return { error };
  }
}

function conditional(second: Put): Finding {
  const name = 'conditional put';
  if (!('error' in second)) {
    return bad(
      name,
      'a name that is taken is overwritten: If-None-Match is ignored',
      'use a store that honours If-None-Match: docs/stores.md',
    );
  }
  return failureOf(second.error)?.meaning === 'exists'
    ? ok(name, 'a name is written once')
    : bucketFailure(name, second.error);
}

async function readBack({ client, target }: S3Store, name: string, signal: AbortSignal): Promise<Finding> {
  try {
    const answer = await client.send(
      new GetObjectCommand({ ...target, Key: name, Range: `bytes=0-${BODY.length - 1}` }),
      { abortSignal: signal },
    );
    const bytes = Buffer.from((await answer.Body?.transformToByteArray()) ?? []);
    return bytes.equals(BODY)
      ? ok('put', 'what was written was read back')
      : bad('put', 'what was read is not what was written', 'do not seal into this store; see its log');
  } catch (error) {
    signal.throwIfAborted();
    return bucketFailure('put', error);
  }
}

function storeEncryption(
  { encryption: { ServerSideEncryption: wanted } }: S3Store,
  answer: PutObjectCommandOutput,
): Finding {
  const name = "store's encryption";
  const found = answer.ServerSideEncryption;
  if (wanted !== undefined && found !== wanted) {
    return bad(
      name,
      `sse asks for ${wanted}, the store answered ${found ?? 'nothing'}`,
      'use a store that does it, or set sse: null; our own sealing stands above it',
    );
  }
  return ok(name, found === undefined ? 'none was named' : `the object got ${found}`);
}

async function damagedPut(store: S3Store, name: string, signal: AbortSignal): Promise<Finding> {
  const check = 'checksums';
  const answer = await put(store, name, WRONG_CRC, signal);
  if (!('error' in answer)) {
    return bad(
      check,
      'a body that does not match its CRC-32 is kept',
      'use a store that checks x-amz-checksum-crc32: a body cut off would read as whole',
    );
  }
  const failure = failureOf(answer.error);
  // A refusal of any word: BadDigest, InvalidRequest, XAmzContentChecksumMismatch.
  const isRefusal =
    failure !== undefined && failure.meaning !== 'denied' && /status 4\d\d/.test(failure.words);
  return isRefusal
    ? ok(check, 'a body that does not match its CRC-32 is refused')
    : bucketFailure(check, answer.error);
}

/** The upload is begun and not finished; the removal of its name gives it up. */
async function wholeChecksums(
  { client, target, encryption }: S3Store,
  name: string,
  signal: AbortSignal,
): Promise<Finding> {
  const check = 'checksum of uploads';
  const begin = new CreateMultipartUploadCommand({
    ...target,
    ...encryption,
    Key: name,
    ChecksumAlgorithm: 'CRC32',
    ChecksumType: 'FULL_OBJECT',
  });
  const hint = 'nothing must be changed; a store that keeps FULL_OBJECT checksums shows more';
  try {
    const { ChecksumType } = await client.send(begin, { abortSignal: signal });
    if (ChecksumType === 'FULL_OBJECT')
      return ok(check, 'of uploads in parts the CRC-32 of the whole is kept');
    return loud(
      check,
      "of uploads in parts only the parts' checksums are kept; those and the length are compared",
      hint,
    );
  } catch (error) {
    signal.throwIfAborted();
    const failure = failureOf(error);
    if (failure?.meaning !== 'unable') return bucketFailure(check, error);
    return loud(
      check,
      `FULL_OBJECT is refused (${failure.words}); the parts' checksums and the length are compared`,
      hint,
    );
  }
}

async function removal(store: S3Store, names: readonly string[]): Promise<Finding> {
  const check = 'delete';
  const signal = AbortSignal.timeout(REMOVE_WITHIN_MS);
  try {
    const left: string[] = [];
    for (const name of names) left.push(...(await removeFromS3(store, name, signal)));
    return left.length === 0
      ? ok(check, 'what was written is removed, with all versions and uploads')
      : bad(
          check,
          `still there: ${left.join(', ')}`,
          'see which lock or hold keeps it, and remove it by hand',
        );
  } catch (error) {
    const { status, finding } = bucketFailure(check, error);
    return {
      name: check,
      status,
      finding,
      hint: `remove ${names.join(' and ')} by hand; the rights to delete: docs/stores.md`,
    };
  }
}
