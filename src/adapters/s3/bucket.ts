import { S3Client } from '@aws-sdk/client-s3';
import { type ConnectionOptions, connection } from '../aws/connection.ts';

export interface BucketOptions extends ConnectionOptions {
  readonly bucket: string;
  /** Account that must own the bucket; every request says so. */
  readonly expectedOwner?: string | null;
  /** Bucket in the path, not in the host name: for stores that are not AWS. */
  readonly pathStyle?: boolean;
}

export interface Bucket {
  readonly client: S3Client;
  /** Goes into every request. */
  readonly target: { readonly Bucket: string; readonly ExpectedBucketOwner?: string };
}

/**
 * A client as lean as the SDK allows (docs/performance.md): no `Expect: 100-continue`, which opens a new connection
 * for every large body, and no hash over a body that TLS protects anyway. What is stored is checked by the CRC-32
 * that each put and part names.
 */
export function openBucket(options: BucketOptions): Bucket {
  const client = new S3Client({
    ...connection(options),
    forcePathStyle: options.pathStyle ?? false,
    expectContinueHeader: false,
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
  });
  // Only over https, and the connection speaks nothing else.
  client.middlewareStack.add(
    (next) => async (args) => {
      if (hasHeaders(args.request)) args.request.headers['x-amz-content-sha256'] = 'UNSIGNED-PAYLOAD';
      return await next(args);
    },
    { step: 'build', name: 'unsignedPayload' },
  );
  const { bucket, expectedOwner } = options;
  return {
    client,
    target: { Bucket: bucket, ...(expectedOwner && { ExpectedBucketOwner: expectedOwner }) },
  };
}

function hasHeaders(request: unknown): request is { headers: Record<string, string> } {
  return typeof request === 'object' && request !== null && 'headers' in request;
}
