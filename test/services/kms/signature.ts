import { createHash, createHmac, timingSafeEqual } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { KmsError } from './errors.ts';

const SKEW_MS = 5 * 60_000;

const AUTHORIZATION =
  /^AWS4-HMAC-SHA256 Credential=([^/,]+)\/(\d{8})\/([^/,]+)\/([^/,]+)\/aws4_request, ?SignedHeaders=([^,]+), ?Signature=([0-9a-f]{64})$/;

interface Signed {
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

/**
 * Checks an AWS Signature Version 4 of a POST to `/` and returns whose it is. The payload is always part of it, and so
 * must `host` and every `x-amz-` header be.
 *
 * @param secretOf - the secret of an access key id, or undefined when there is no such key
 * @throws KmsError MissingAuthenticationTokenException, IncompleteSignatureException, UnrecognizedClientException,
 *   InvalidSignatureException - as AWS answers each.
 */
export function checkSignature(
  { headers, body }: Signed,
  region: string,
  secretOf: (accessKeyId: string) => string | undefined,
): string {
  if (headers.authorization === undefined) {
    throw new KmsError('MissingAuthenticationTokenException', 'Missing Authentication Token');
  }
  const [, accessKeyId = '', day = '', inRegion = '', service = '', names = '', given = ''] =
    AUTHORIZATION.exec(headers.authorization) ?? [];
  const at = headers['x-amz-date'];
  if (accessKeyId === '' || typeof at !== 'string' || !at.startsWith(day)) {
    throw new KmsError(
      'IncompleteSignatureException',
      'the Authorization header is no AWS Signature Version 4',
    );
  }
  const secret = secretOf(accessKeyId);
  if (secret === undefined) {
    throw new KmsError(
      'UnrecognizedClientException',
      'The security token included in the request is invalid.',
    );
  }
  if (inRegion !== region || service !== 'kms') {
    throw new KmsError(
      'InvalidSignatureException',
      `Credential should be scoped to a valid region: ${region}/kms`,
    );
  }
  checkAge(at);
  checkNames(headers, names.split(';'));
  const scope = `${day}/${region}/kms/aws4_request`;
  const toSign = ['AWS4-HMAC-SHA256', at, scope, sha256(canonicalRequest(headers, names, body))].join('\n');
  const key = [day, region, 'kms', 'aws4_request'].reduce<Buffer>(
    (last, part) => hmac(last, part),
    Buffer.from(`AWS4${secret}`),
  );
  if (!timingSafeEqual(hmac(key, toSign), Buffer.from(given, 'hex'))) {
    throw new KmsError(
      'InvalidSignatureException',
      'The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method.',
    );
  }
  return accessKeyId;
}

function canonicalRequest(headers: IncomingHttpHeaders, names: string, body: Buffer): string {
  const lines = names.split(';').map(
    (name) =>
      `${name}:${String(headers[name] ?? '')
        .trim()
        .replace(/ +/g, ' ')}`,
  );
  return ['POST', '/', '', ...lines, '', names, sha256(body)].join('\n');
}

function checkAge(at: string): void {
  const [, year, month, day, hour, minute, second] =
    /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(at) ?? [];
  const signedMs = Date.parse(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
  // Written this way round so that a date that is none fails too.
  if (!(Math.abs(Date.now() - signedMs) <= SKEW_MS)) {
    throw new KmsError('InvalidSignatureException', `Signature expired or not yet current: ${at}`);
  }
}

function checkNames(headers: IncomingHttpHeaders, names: readonly string[]): void {
  const wanted = ['host', ...Object.keys(headers).filter((name) => name.startsWith('x-amz-'))];
  const unsigned = wanted.filter((name) => !names.includes(name));
  if (unsigned.length > 0) {
    throw new KmsError('InvalidSignatureException', `not signed: ${unsigned.join(', ')}`);
  }
}

function sha256(text: string | Buffer): string {
  return createHash('sha256').update(text).digest('hex');
}

function hmac(key: Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest();
}
