import { createHash } from 'node:crypto';
import type { z } from 'zod';
import { isEventKind, isMadeKind } from './artifacts.ts';
import { CALL_COMPLETED, type CallEvent, callEventSchema, LIMITS } from './call-event.ts';
import { canonical } from './canonical.ts';
import { CallsealError, type Code } from './errors.ts';
import { isId } from './ids.ts';

export interface EventLimits {
  readonly eventBytes: number;
  readonly depth: number;
  readonly artifacts: number;
}

/** Whose call an event is of, where that much can be read. */
export interface Identity {
  readonly tenant: string;
  readonly call: string;
  readonly revision: number;
}

export type Decoded =
  | {
      readonly ok: true;
      readonly event: CallEvent;
      /** SHA-256, hex, of the RFC 8785 form of `data` as received, unknown fields included. */
      readonly eventDigest: string;
      readonly unknownFields: number;
    }
  | {
      readonly ok: false;
      readonly error: CallsealError;
      readonly identity: Identity | undefined;
      readonly eventDigest: string | undefined;
    };

const STRUCTURED = 'application/cloudevents+json';
const TYPE_FAMILY = /^callseal\.call\.completed\.v\d+$/;
const FORBIDDEN_KEYS = new Set(['__proto__', 'constructor', 'prototype']);

/**
 * Reads one delivered event: CloudEvents 1.0, binary or structured mode, limits before anything is parsed.
 * A refusal names the place in the event, never what stands there.
 */
export function decodeEvent(
  record: { readonly headers: Readonly<Record<string, string>>; readonly value: Uint8Array },
  limits: EventLimits = LIMITS,
): Decoded {
  let data: unknown;
  let eventDigest: string | undefined;
  try {
    const parsed = parseJson(record.value, limits);
    data = unwrapEnvelope(record.headers, parsed);
    eventDigest = digestOf(data);
    const event = checkShape(data, limits);
    return { ok: true, event, eventDigest, unknownFields: countUnknown(data, event) };
  } catch (error) {
    if (!(error instanceof CallsealError)) throw error;
    return { ok: false, error, identity: identityOf(data), eventDigest };
  }
}

function parseJson(value: Uint8Array, limits: EventLimits): unknown {
  if (value.length > limits.eventBytes) {
    throw refuse('EVENT_TOO_LARGE', `the event has ${value.length} bytes, more than ${limits.eventBytes}`);
  }
  if (depthOf(value) > limits.depth) {
    throw refuse('EVENT_TOO_DEEP', `the event is nested deeper than ${limits.depth}`);
  }
  let parsed: unknown;
  try {
    parsed = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(value));
  } catch {
    throw refuse('EVENT_NOT_JSON', 'the event is not JSON in UTF-8');
  }
  refuseForbiddenKeys(parsed);
  return parsed;
}

/** Deepest nesting of brackets outside strings, counted on the bytes: a parser would recurse first. */
function depthOf(json: Uint8Array): number {
  const [quote, backslash] = [0x22, 0x5c];
  let depth = 0;
  let deepest = 0;
  let inString = false;
  for (let i = 0; i < json.length; i++) {
    const byte = json[i];
    if (inString) {
      if (byte === backslash) i++;
      else if (byte === quote) inString = false;
    } else if (byte === quote) {
      inString = true;
    } else if (byte === 0x7b || byte === 0x5b) {
      deepest = Math.max(deepest, ++depth);
    } else if (byte === 0x7d || byte === 0x5d) {
      depth--;
    }
  }
  return deepest;
}

function refuseForbiddenKeys(value: unknown): void {
  if (typeof value !== 'object' || value === null) return;
  for (const [key, inner] of Object.entries(value)) {
    if (FORBIDDEN_KEYS.has(key)) throw refuse('EVENT_KEY_FORBIDDEN', `a field is called ${key}`);
    refuseForbiddenKeys(inner);
  }
}

function unwrapEnvelope(headers: Readonly<Record<string, string>>, parsed: unknown): unknown {
  const contentType = mediaType(headers['content-type']);
  const binary = headers['ce_specversion'] !== undefined;
  if (binary && contentType !== STRUCTURED) {
    if (contentType !== undefined && contentType !== 'application/json') {
      throw refuse('EVENT_ENVELOPE', 'content-type must be application/json');
    }
    const attribute = (name: string): unknown => headers[`ce_${name}`];
    checkAttributes(attribute);
    return parsed;
  }
  if (!isObject(parsed)) throw refuse('EVENT_ENVELOPE', 'neither ce_ headers nor a structured CloudEvent');
  checkAttributes((name) => parsed[name]);
  const dataType = parsed['datacontenttype'];
  if (
    dataType !== undefined &&
    (typeof dataType !== 'string' || mediaType(dataType) !== 'application/json')
  ) {
    throw refuse('EVENT_ENVELOPE', 'datacontenttype must be application/json');
  }
  if (parsed['data'] === undefined) throw refuse('EVENT_ENVELOPE', 'data is missing');
  return parsed['data'];
}

function checkAttributes(attribute: (name: string) => unknown): void {
  if (attribute('specversion') !== '1.0') throw refuse('EVENT_ENVELOPE', 'specversion must be 1.0');
  for (const name of ['id', 'source', 'type']) {
    const value = attribute(name);
    if (typeof value !== 'string' || value === '') throw refuse('EVENT_ENVELOPE', `${name} is missing`);
  }
  const type = String(attribute('type'));
  if (type === CALL_COMPLETED) return;
  if (TYPE_FAMILY.test(type)) {
    throw refuse('EVENT_VERSION_UNKNOWN', `this worker reads ${CALL_COMPLETED} only`);
  }
  throw refuse('EVENT_TYPE_UNKNOWN', `the type is not ${CALL_COMPLETED}`);
}

function mediaType(contentType: string | undefined): string | undefined {
  return contentType?.split(';')[0]?.trim().toLowerCase();
}

function digestOf(data: unknown): string {
  try {
    return createHash('sha256').update(canonical(data)).digest('hex');
  } catch {
    throw refuse(
      'EVENT_SHAPE',
      'data has no canonical form: a lone surrogate, or a number that JSON cannot hold',
    );
  }
}

function checkShape(data: unknown, limits: EventLimits): CallEvent {
  if (isObject(data) && Array.isArray(data['artifacts']) && data['artifacts'].length > limits.artifacts) {
    throw refuse('TOO_MANY_ARTIFACTS', `more than ${limits.artifacts} artifacts`);
  }
  const result = callEventSchema.safeParse(data);
  if (!result.success) throw refuse('EVENT_SHAPE', shapeProblem(result.error));
  checkArtifacts(result.data);
  return result.data;
}

/** Field names and rules only: zod's own messages can quote what was sent. */
function shapeProblem(error: z.ZodError): string {
  return error.issues
    .slice(0, 5)
    .map(({ path, code }) => `${path.length === 0 ? 'data' : path.join('.')}: ${code.replaceAll('_', ' ')}`)
    .join('; ');
}

function checkArtifacts({ artifacts }: CallEvent): void {
  if (artifacts.length === 0) throw refuse('NO_ARTIFACT', 'the event lists no artifact');
  const ids = new Set<string>();
  for (const [i, { id, kind }] of artifacts.entries()) {
    if (ids.has(id)) throw refuse('ARTIFACT_ID_DUPLICATE', `artifacts.${i}.id stands twice`);
    ids.add(id);
    if (isMadeKind(kind)) {
      throw refuse('ARTIFACT_KIND_RESERVED', `artifacts.${i}.kind is one that only the worker makes`);
    }
    if (!isEventKind(kind)) throw refuse('ARTIFACT_KIND_UNKNOWN', `artifacts.${i}.kind is not known`);
  }
}

/** Fields that were sent and that the schema does not know, counted through all levels. */
function countUnknown(sent: unknown, known: unknown): number {
  if (!isObject(sent) && !Array.isArray(sent)) return 0;
  let unknown = 0;
  for (const [name, value] of Object.entries(sent)) {
    const counterpart = fieldOf(known, name);
    unknown += counterpart === undefined ? 1 : countUnknown(value, counterpart);
  }
  return unknown;
}

function fieldOf(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? Reflect.get(value, name) : undefined;
}

function identityOf(data: unknown): Identity | undefined {
  if (!isObject(data)) return undefined;
  const { tenant, call, revision } = data;
  const readable =
    typeof tenant === 'string' &&
    isId(tenant) &&
    typeof call === 'string' &&
    isId(call) &&
    Number.isInteger(revision) &&
    Number(revision) >= 1 &&
    Number(revision) < 2 ** 31;
  return readable ? { tenant, call, revision: Number(revision) } : undefined;
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function refuse(code: Code, message: string): CallsealError {
  return new CallsealError(code, message);
}
