import { type DestinationStream, pino } from 'pino';
import type { Place } from '../domain/deliveries.ts';
import { CallsealError, codeOf, dispositionOf } from '../domain/errors.ts';

/**
 * Logs: one JSON object a line, to stderr. They carry codes and opaque ids, never content, names or numbers.
 *
 * An allow-list and no redaction: a field that is not listed here is dropped and counted, so a field that somebody
 * adds elsewhere cannot leak. (Redaction by a wildcard path such as `*.*.secret` would throw from inside the log call
 * when an object holds a Buffer.)
 */
export interface LogFields {
  readonly tenant?: string | undefined;
  readonly call?: string | undefined;
  readonly callUid?: string | undefined;
  readonly revision?: number | undefined;
  readonly alias?: string | undefined;
  readonly answer?: string | undefined;
  readonly answerUid?: string | undefined;
  readonly code?: string | undefined;
  readonly stage?: string | undefined;
  readonly fingerprint?: string | undefined;
  readonly origin?: Place | undefined;
  readonly replay?: number | undefined;
  readonly durationMs?: number | undefined;
  readonly count?: number | undefined;
  readonly schedule?: string | undefined;
  readonly counts?: Readonly<Record<string, number>> | undefined;
  /** A sentence of ours about `counts`. */
  readonly says?: string | undefined;
  readonly profile?: string | undefined;
  readonly version?: string | undefined;
  readonly error?: unknown;
}

export type LogLevel = 'debug' | 'info' | 'warn' | 'error';

/** `event` is a fixed text of ours, such as `call answered`; what differs from line to line stands in `fields`. */
export type Log = Readonly<Record<LogLevel, (event: string, fields?: LogFields) => void>>;

const SERIALIZERS: Readonly<Record<keyof LogFields, (value: unknown) => unknown>> = {
  tenant: id,
  call: id,
  callUid: id,
  revision: number,
  alias: id,
  answer: id,
  answerUid: id,
  code: id,
  stage: id,
  fingerprint: id,
  origin: place,
  replay: number,
  durationMs: number,
  count: number,
  schedule: id,
  counts: numbers,
  says: sentence,
  profile: id,
  version: id,
  error: errorFacts,
};

export function createLog(level: LogLevel, destination: DestinationStream): Log {
  const logger = pino(
    {
      level,
      base: { pid: process.pid },
      timestamp: pino.stdTimeFunctions.isoTime,
      messageKey: 'event',
      formatters: { level: (label) => ({ level: label }) },
    },
    destination,
  );
  const at = (name: LogLevel) => (event: string, fields?: LogFields) => logger[name](allowed(fields), event);
  return { debug: at('debug'), info: at('info'), warn: at('warn'), error: at('error') };
}

function allowed(fields: LogFields = {}): Record<string, unknown> {
  const line: Record<string, unknown> = {};
  let dropped = 0;
  for (const [name, value] of Object.entries(fields)) {
    if (value === undefined) continue;
    const written = isField(name) ? SERIALIZERS[name](value) : undefined;
    if (written === undefined) dropped++;
    else line[name] = written;
  }
  return dropped === 0 ? line : { ...line, dropped };
}

function isField(name: string): name is keyof LogFields {
  return Object.hasOwn(SERIALIZERS, name);
}

/** Text in the alphabet of ids and codes; a sentence, an address or a number with a plus sign is none. */
function id(value: unknown): string | undefined {
  return typeof value === 'string' && /^[A-Za-z0-9._~:-]{1,128}$/.test(value) ? value : undefined;
}

/** Small letters, figures and what stands between them: no name, no address, no number with a plus sign. */
function sentence(value: unknown): string | undefined {
  return typeof value === 'string' && /^[a-z0-9 :,.%]{1,200}$/.test(value) ? value : undefined;
}

function number(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isFinite(value) ? value : undefined;
}

function numbers(value: unknown): Record<string, number> | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const given: [string, unknown][] = Object.entries(value);
  const kept = given.filter(
    (entry): entry is [string, number] => id(entry[0]) !== undefined && number(entry[1]) !== undefined,
  );
  return kept.length === given.length ? Object.fromEntries(kept) : undefined;
}

function place(value: unknown): string | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  const { topic, partition, offset }: { topic?: unknown; partition?: unknown; offset?: unknown } = value;
  const name = id(topic);
  if (name === undefined || number(partition) === undefined || number(offset) === undefined) return undefined;
  return `${name}/${String(partition)}/${String(offset)}`;
}

const FRAMES = 3;

/** Class, code, and where in our own files. A stranger's message may quote what it choked on, so only ours is kept. */
function errorFacts(value: unknown): Record<string, unknown> | undefined {
  if (!(value instanceof Error)) return undefined;
  const code = codeOf(value);
  const frames = (value.stack ?? '').matchAll(/\/((?:src|dist)\/[\w./-]+:\d+):\d+/g);
  return {
    name: value.name,
    code,
    disposition: dispositionOf(code),
    ...(value instanceof CallsealError ? { message: value.message } : {}),
    at: [...frames].slice(0, FRAMES).map(([, frame]) => frame),
    ...(value.cause === undefined ? {} : { cause: errorFacts(value.cause) }),
  };
}
