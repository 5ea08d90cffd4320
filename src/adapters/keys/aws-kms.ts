import { createSecretKey, type KeyObject } from 'node:crypto';
import {
  DecryptCommand,
  DescribeKeyCommand,
  GenerateDataKeyCommand,
  KMSClient,
  ReEncryptCommand,
} from '@aws-sdk/client-kms';
import { CallsealError } from '../../domain/errors.ts';
import type { KekState, Keys, WrappedRow } from '../../ports/keys.ts';
import { type ConnectionOptions, connection } from '../aws/connection.ts';
import { notAuthentic, translated } from './aws-kms-errors.ts';
import { type RequestRate, requestRate } from './request-rate.ts';

export interface AwsKmsOptions extends ConnectionOptions {
  /** Use the region's FIPS endpoint. Not together with `endpoint`: name the FIPS one there. */
  readonly fips?: boolean;
  /** Most requests, per KEK. */
  readonly requestsPerSecond: number;
  /** Whose KEK it is, for requests without a context; undefined for the system's. */
  readonly tenantOf?: (kek: string) => string | undefined;
}

const KEY_BYTES = 32;
/** What KMS takes; a longer or empty one is no wrapping. */
const MAX_WRAPPED_BYTES = 6144;
const IDLE_TIMEOUT_MS = 10_000;

/**
 * KEKs in AWS KMS. One request per call, none repeated: the caller counts and tries again. Rows keep the ARN that
 * KMS answered with, every later request names it, and the answer must name it again.
 */
export function awsKmsKeys(options: AwsKmsOptions): Keys {
  const client = openKms(options);
  const rateOf = rates(options.requestsPerSecond);

  /** One request within the KEK's rate; its errors as ours. */
  const ask = async <T>(
    kek: string,
    tenant: string | undefined,
    signal: AbortSignal,
    request: () => Promise<T>,
  ): Promise<T> => {
    await rateOf(kek).take(signal);
    try {
      return await request();
    } catch (error) {
      signal.throwIfAborted();
      throw translated(error, tenant ?? options.tenantOf?.(kek));
    }
  };

  return {
    generate: async (kek, context, signal) => {
      const command = new GenerateDataKeyCommand({
        KeyId: kek,
        KeySpec: 'AES_256',
        EncryptionContext: context,
      });
      const answer = await ask(kek, context['tenant'], signal, async () => {
        return await client.send(command, { abortSignal: signal });
      });
      const callKey = takeKey(answer.Plaintext);
      const arn = given(answer.KeyId);
      return {
        callKey,
        wrapped: Buffer.from(given(answer.CiphertextBlob)),
        kek: arn,
        materialId: answer.KeyMaterialId ?? arn,
        requestId: answer.$metadata.requestId,
      };
    },
    unwrap: async (row, signal) => {
      requireWrapping(row);
      const command = new DecryptCommand({
        KeyId: row.kek,
        CiphertextBlob: row.wrapped,
        EncryptionContext: row.context,
      });
      const answer = await ask(row.kek, row.context['tenant'], signal, async () => {
        return await client.send(command, { abortSignal: signal });
      });
      const callKey = takeKey(answer.Plaintext);
      if (answer.KeyId !== row.kek) throw notAuthentic();
      return { callKey, requestId: answer.$metadata.requestId };
    },
    rewrap: async (row, signal) => {
      requireWrapping(row);
      const command = new ReEncryptCommand({
        CiphertextBlob: row.wrapped,
        SourceKeyId: row.kek,
        SourceEncryptionContext: row.context,
        DestinationKeyId: row.kek,
        DestinationEncryptionContext: row.context,
      });
      const answer = await ask(row.kek, row.context['tenant'], signal, async () => {
        return await client.send(command, { abortSignal: signal });
      });
      if (answer.KeyId !== row.kek || answer.SourceKeyId !== row.kek) throw notAuthentic();
      return {
        wrapped: Buffer.from(given(answer.CiphertextBlob)),
        kek: row.kek,
        materialId: answer.DestinationKeyMaterialId ?? row.kek,
        requestId: answer.$metadata.requestId,
      };
    },
    describe: async (kek, signal) => {
      const command = new DescribeKeyCommand({ KeyId: kek });
      const { KeyMetadata: key } = await ask(kek, undefined, signal, async () => {
        return await client.send(command, { abortSignal: signal });
      });
      const arn = given(key?.Arn);
      return { kek: arn, materialId: key?.CurrentKeyMaterialId ?? arn, state: stateOf(key?.KeyState) };
    },
    ensure: async (kek, signal) => {
      signal.throwIfAborted();
      const tenant = options.tenantOf?.(kek);
      throw new CallsealError('KEY_UNKNOWN', 'KEKs in AWS KMS are made by who runs the account', {
        hint: 'make a symmetric key and its alias, and name it under keks of the tenant',
        ...(tenant !== undefined && { scope: { tenant } }),
      });
    },
    close: async () => client.destroy(),
  };
}

/** @throws CallsealError BAD_CONFIG - `fips` and `endpoint` together */
export function openKms({
  fips = false,
  ...options
}: Pick<AwsKmsOptions, 'fips'> & ConnectionOptions): KMSClient {
  if (fips && options.endpoint !== undefined) {
    throw new CallsealError(
      'BAD_CONFIG',
      'fips and endpoint exclude each other: name the FIPS endpoint itself',
    );
  }
  return new KMSClient({
    ...connection({ idleTimeoutMs: IDLE_TIMEOUT_MS, ...options }),
    useFipsEndpoint: fips,
  });
}

/** A rate for each KEK as it is named; an alias and its ARN are two names, so a mix of both has twice the rate. */
function rates(perSecond: number): (kek: string) => RequestRate {
  const byKek = new Map<string, RequestRate>();
  return (kek) => {
    const rate = byKek.get(kek) ?? requestRate(perSecond);
    byKek.set(kek, rate);
    return rate;
  };
}

/** The bytes are the SDK's only copy of them; its text of the answer stays in memory until it is collected. */
function takeKey(plaintext: Uint8Array | undefined): KeyObject {
  const bytes = given(plaintext);
  try {
    if (bytes.length !== KEY_BYTES)
      throw new CallsealError('KMS_DOWN', 'the key service gave no 256-bit key');
    return createSecretKey(bytes);
  } finally {
    bytes.fill(0);
  }
}

function requireWrapping({ wrapped }: WrappedRow): void {
  if (wrapped.length === 0 || wrapped.length > MAX_WRAPPED_BYTES) throw notAuthentic();
}

function given<T>(value: T | undefined): T {
  if (value !== undefined) return value;
  throw new CallsealError('KMS_DOWN', 'the key service left out what it must answer with');
}

function stateOf(state: string | undefined): KekState['state'] {
  if (state === 'Enabled') return 'enabled';
  return state === 'PendingDeletion' || state === 'PendingReplicaDeletion' ? 'pending-deletion' : 'disabled';
}
