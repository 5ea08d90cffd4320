import type { KeyObject } from 'node:crypto';
import { CallsealError } from '../../domain/errors.ts';
import { type Letter, parseLetter } from '../../domain/letter.ts';
import { NAMESPACE } from '../../domain/receipts.ts';
import type { PublishedRecord } from '../../ports/events.ts';
import type { Keys } from '../../ports/keys.ts';
import type { AuditLog, Ledger } from '../../ports/registry.ts';
import { SealFormatError } from '../../seal/errors.ts';
import { openAll } from '../../seal/streams.ts';
import { type Auditor, failedOutcome, kmsUse } from '../auditor.ts';

export type { Letter };

export interface LetterParts {
  readonly keys: Pick<Keys, 'unwrap'>;
  readonly registry: Pick<Ledger, 'deadLetterKey'> & Pick<AuditLog, 'openIntent' | 'closeIntent'>;
  readonly auditor: Auditor;
}

export interface LetterOpener {
  /** @throws CallsealError NOT_AUTHENTIC, NOT_FOUND - its key is not there; KMS_* */
  open(record: PublishedRecord, signal: AbortSignal): Promise<Letter>;
}

const CLOSE_INTENT_MS = 5_000;

/**
 * Opens dead letters. Each key is unwrapped once for all letters of one piece of work, audited before and after, and
 * goes with the opener: make one for a plan or a chunk and drop it.
 */
export function letterOpener(parts: LetterParts): LetterOpener {
  const keys = new Map<string, Promise<KeyObject>>();
  const keyOf = async (name: string, signal: AbortSignal): Promise<KeyObject> => {
    const opening = keys.get(name) ?? unwrap(parts, name, signal);
    keys.set(name, opening);
    try {
      return await opening;
    } catch (error) {
      keys.delete(name);
      throw error;
    }
  };
  return {
    open: async (record, signal) => {
      const keyName = record.headers['callseal-key-name'] ?? '';
      const callKey = await keyOf(keyName, signal);
      const context = { artifact: record.id, kind: 'dead-letter' };
      const expected = { namespace: NAMESPACE, keyName, context, callKey };
      return parseLetter(await plaintext(record.value, expected));
    },
  };
}

async function plaintext(sealed: Buffer, expected: Parameters<typeof openAll>[1]): Promise<Buffer> {
  const chunks: Buffer[] = [];
  try {
    for await (const chunk of openAll(once(sealed), expected)) chunks.push(chunk);
  } catch (error) {
    // No cause on purpose, as everywhere around decryption.
    if (error instanceof SealFormatError) {
      throw new CallsealError(
        'NOT_AUTHENTIC',
        'a dead letter is damaged, or another one than its headers say',
      );
    }
    throw error;
  }
  return Buffer.concat(chunks);
}

/** The opener detaches what it is given; the record's own bytes stay. */
async function* once(bytes: Buffer): AsyncGenerator<Buffer> {
  yield Buffer.from(bytes);
}

async function unwrap(
  { keys, registry, auditor }: LetterParts,
  name: string,
  signal: AbortSignal,
): Promise<KeyObject> {
  const row = await registry.deadLetterKey(name, signal);
  if (!row) throw new CallsealError('NOT_FOUND', 'the key of a dead letter is not in the registry');
  const intent = auditor.fact('key.unwrap', {
    outcome: { status: 'intent' },
    subject: { kind: 'key', uid: name },
    key: { id: name, class: 'dead-letter', materialId: row.materialId, algorithm: 'AES-256-GCM' },
    kms: kmsUse('Decrypt', row.context),
  });
  await registry.openIntent({ fact: intent }, signal);
  const close = async (fact: ReturnType<Auditor['end']>): Promise<void> =>
    await registry.closeIntent({ intentUid: intent.eventUid, fact }, AbortSignal.timeout(CLOSE_INTENT_MS));
  try {
    const { callKey, requestId } = await keys.unwrap(row, signal);
    await close(auditor.end(intent, { status: 'ok' }, { kms: kmsUse('Decrypt', row.context, requestId) }));
    return callKey;
  } catch (error) {
    await close(auditor.end(intent, failedOutcome(error)));
    throw error;
  }
}
