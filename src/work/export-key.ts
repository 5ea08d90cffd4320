import type { KeyObject } from 'node:crypto';
import type { KeyClass } from '../domain/artifacts.ts';
import { CallsealError } from '../domain/errors.ts';
import { NAMESPACE } from '../domain/receipts.ts';
import { findReceipt, type ReadingParts, unwrapKey } from './open-artifact.ts';

export interface ExportRequest {
  readonly tenant: string;
  readonly call: string;
  readonly keyClass: KeyClass;
  /** Which one, where the current receipt hangs on several of the class. */
  readonly keyName?: string;
  readonly reason: string;
}

export interface ExportedKey {
  readonly namespace: string;
  readonly keyName: string;
  readonly callKey: KeyObject;
}

/**
 * Hands a call key out, for somebody who opens objects without this product. The call's list of exports says so for
 * ever, from before the key is unwrapped.
 *
 * @throws CallsealError USAGE - several keys of the class: names them; NOT_FOUND, CALL_SHREDDED, KMS_*
 */
export async function exportKey(
  parts: ReadingParts,
  request: ExportRequest,
  signal: AbortSignal,
): Promise<ExportedKey> {
  const receipt = await findReceipt(parts.registry, request, signal);
  const ofClass = receipt.artifacts.filter(({ keyClass }) => keyClass === request.keyClass);
  const keyName = chosenName([...new Set(ofClass.map((artifact) => artifact.keyName))], request);
  const fact = parts.auditor.fact('key.export', {
    tenant: receipt.tenant,
    subject: { kind: 'call', uid: receipt.callUid },
    key: { id: keyName, class: request.keyClass, algorithm: 'AES-256-GCM' },
  });
  const note = await parts.letters.sealNote(fact.eventUid, Buffer.from(request.reason), signal);
  await parts.registry.addReason({ eventUid: fact.eventUid, ...note }, signal);
  await parts.registry.append([fact], signal);
  return { namespace: NAMESPACE, keyName, callKey: await unwrapKey(parts, { receipt, keyName }, signal) };
}

function chosenName(names: readonly string[], { keyClass, keyName }: ExportRequest): string {
  const [first, ...more] = names;
  if (first === undefined)
    throw new CallsealError('NOT_FOUND', `the call has no artifact of class ${keyClass}`);
  if (keyName === undefined && more.length > 0) {
    throw new CallsealError(
      'USAGE',
      `the call hangs on several keys of class ${keyClass}: ${names.join(', ')}`,
      {
        hint: 'say --key NAME; callseal show --json lists which artifact is under which key',
      },
    );
  }
  if (keyName !== undefined && !names.includes(keyName)) {
    throw new CallsealError('NOT_FOUND', `the call has no key of that name; it has: ${names.join(', ')}`);
  }
  return keyName ?? first;
}
