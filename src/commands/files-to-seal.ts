import { realpath, stat } from 'node:fs/promises';
import { basename } from 'node:path';
import { EVENT_KINDS, type EventKind, isEventKind } from '../domain/artifacts.ts';
import { CALL_COMPLETED, type CallEvent, type Consent } from '../domain/call-event.ts';
import { CallsealError } from '../domain/errors.ts';
import { isSourceKey } from '../domain/source-key.ts';
import { ONE_CALL_ALIAS } from '../domain/tenants.ts';

/** One file that `callseal seal` was given. */
export interface NamedFile {
  readonly kind: EventKind;
  readonly file: string;
}

/** A file to be read in place, under the key that its event uses. */
export interface KeyedFile extends NamedFile {
  readonly id: string;
  readonly key: string;
  /** Absolute, without links. */
  readonly path: string;
}

/** `KIND=FILE` of `--artifact`. */
export function namedFile(text: string): NamedFile {
  const [kind = '', ...rest] = text.split('=');
  const file = rest.join('=');
  if (isEventKind(kind) && file !== '') return { kind, file };
  throw new CallsealError('USAGE', `--artifact must be KIND=FILE, not ${JSON.stringify(text)}`, {
    hint: `kinds: ${EVENT_KINDS.join(', ')}`,
  });
}

/**
 * Gives each file its artifact id (`audio`, `transcript`, `transcript-2`, …) and its key: the file's name, so that
 * the same files again make the same event. Two files of one name are told apart by their artifact ids.
 *
 * @throws CallsealError NOT_FOUND, SOURCE_NOT_A_FILE
 */
export async function keyedFiles(files: readonly NamedFile[]): Promise<KeyedFile[]> {
  const keyed: KeyedFile[] = [];
  for (const { kind, file } of files) {
    const before = keyed.filter((other) => other.kind === kind).length;
    const id = before === 0 ? kind : `${kind}-${before + 1}`;
    const name = basename(file);
    const taken = keyed.some(({ key }) => key === name);
    const key = isSourceKey(name) ? (taken ? `${id}/${name}` : name) : id;
    keyed.push({ kind, file, id, key, path: await regularFile(file) });
  }
  return keyed;
}

async function regularFile(file: string): Promise<string> {
  try {
    const path = await realpath(file);
    if ((await stat(path)).isFile()) return path;
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'unknown error';
    throw new CallsealError('NOT_FOUND', `${file} cannot be read: ${code}`, { cause });
  }
  throw new CallsealError('SOURCE_NOT_A_FILE', `${file} is no regular file`);
}

export interface CallOfFiles {
  readonly tenant: string;
  readonly call: string;
  readonly revision: number;
  readonly consent: Consent;
  readonly voiceprintConsent: Consent;
}

/** The event about these files. It holds no time and nothing random: the same files make the same event. */
export function eventOf(call: CallOfFiles, files: readonly KeyedFile[]): Buffer {
  const { tenant, revision } = call;
  const data: CallEvent = {
    tenant,
    call: call.call,
    revision,
    consent: { recording: call.consent, voiceprint: call.voiceprintConsent },
    artifacts: files.map(({ id, kind, key }) => ({ id, kind, source: { alias: ONE_CALL_ALIAS, key } })),
  };
  return Buffer.from(
    JSON.stringify({
      specversion: '1.0',
      id: `${call.call}.${revision}`,
      source: 'urn:callseal:cli',
      type: CALL_COMPLETED,
      datacontenttype: 'application/json',
      data,
    }),
  );
}
