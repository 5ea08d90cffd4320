import { randomUUID } from 'node:crypto';
import type { IncomingHttpHeaders } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import type { Caller } from './access.ts';
import type { AdminState } from './admin.ts';
import { KmsError } from './errors.ts';
import type { Fault } from './faults.ts';
import type { KeyStore } from './key-store.ts';
import { OPERATIONS } from './operations/table.ts';
import { Parameters } from './parameters.ts';
import type { Trace } from './request.ts';
import { checkSignature } from './signature.ts';

/** What one process of the stand-in is made of. */
export interface Kms {
  readonly region: string;
  readonly store: KeyStore;
  readonly callers: ReadonlyMap<string, Caller>;
  readonly admin: AdminState;
}

export interface KmsReply {
  readonly requestId: string;
  readonly code: number;
  readonly body: string;
}

const TARGET = 'TrentService.';

/**
 * From the bytes of a request to the bytes of its reply, AWS JSON 1.1. `undefined` means: close the connection without a
 * reply. Every operation that was begun is in the request log before this resolves.
 */
export async function answerKms(
  kms: Kms,
  headers: IncomingHttpHeaders,
  body: Buffer,
): Promise<KmsReply | undefined> {
  const requestId = randomUUID();
  try {
    const accessKeyId = checkSignature(
      { headers, body },
      kms.region,
      (id) => kms.callers.get(id)?.secretAccessKey,
    );
    const caller = kms.callers.get(accessKeyId);
    if (!caller) throw new Error(`no caller for ${accessKeyId}`);
    return await perform(kms, caller, requestId, String(headers['x-amz-target'] ?? ''), body);
  } catch (error) {
    return failure(requestId, error);
  }
}

async function perform(kms: Kms, caller: Caller, requestId: string, target: string, body: Buffer) {
  const operation = target.startsWith(TARGET) ? target.slice(TARGET.length) : '';
  const work = OPERATIONS.get(operation);
  if (!work) throw new KmsError('UnknownOperationException', `the stand-in has no ${target}`);
  const parameters = new Parameters(body);
  const key = parameters.optionalText('KeyId') ?? parameters.optionalText('DestinationKeyId');
  const fault = kms.admin.faults.take({ operation, role: caller.role, key }, kms.store);
  if (fault?.effect === 'drop-request') return undefined;
  if (fault?.effect === 'delay') await delay(fault.delayMs ?? 0);

  const trace: Trace = {};
  let reply: KmsReply;
  let outcome = 'ok';
  try {
    failOnDemand(fault);
    const result = work({ parameters, store: kms.store, caller, extraDeny: kms.admin.deny, trace });
    reply = { requestId, code: 200, body: JSON.stringify(result) };
  } catch (error) {
    reply = failure(requestId, error);
    outcome = error instanceof KmsError ? error.name : 'KMSInternalException';
  }
  const dropped = fault?.effect === 'drop-reply' ? ({ replyDropped: true } as const) : {};
  const { accessKeyId, role } = caller;
  kms.admin.log.write({
    requestId,
    time: new Date().toISOString(),
    accessKeyId,
    role,
    operation,
    ...trace,
    outcome,
    ...dropped,
  });
  return fault?.effect === 'drop-reply' ? undefined : reply;
}

function failOnDemand(fault: Fault | undefined): void {
  if (fault?.effect === 'throttle') throw new KmsError('ThrottlingException', 'Rate exceeded');
  if (fault?.effect === 'internal-error')
    throw new KmsError('KMSInternalException', 'an internal error, on demand');
}

function failure(requestId: string, error: unknown): KmsReply {
  if (error instanceof KmsError) {
    // AWS leaves the message out where it would say too much, as for an invalid ciphertext.
    const message = error.message === '' ? {} : { message: error.message };
    return { requestId, code: error.httpCode, body: JSON.stringify({ __type: error.name, ...message }) };
  }
  process.stderr.write(
    `kms stand-in: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}\n`,
  );
  return { requestId, code: 500, body: JSON.stringify({ __type: 'KMSInternalException' }) };
}
