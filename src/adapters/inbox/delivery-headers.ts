import { type Delivery, type HandedOver, type Place, placeText } from '../../domain/deliveries.ts';
import { type Code, isCode } from '../../domain/errors.ts';
import type { Verdict } from '../../ports/inbox.ts';
import type { InputKind } from './topics.ts';

/**
 * What a delivery carries through the retry and replay topics:
 *
 *   callseal-origin           topic/partition/offset in an inbox topic
 *   callseal-replay           0, 1, …
 *   callseal-arrival          topic/partition/offset of the first record of this (origin, replay)
 *   callseal-attempts         failed tries that counted, over all hand-overs of this replay number
 *   callseal-first-failed-at  ISO time of the first of them
 *   callseal-due-at           ISO time; not to be delivered before
 *   callseal-origin-timestamp ISO time of the record at the origin
 *   callseal-code             the failure that it was handed over for
 *   callseal-held             why it was handed over where nothing had failed: it was in the way of others
 *
 * They belong to the transport: `Delivery.headers` never holds them, so an event passes through any number of
 * hand-overs with the headers it came with. An edge that sends one on an inbox topic is not believed.
 */
const ORIGIN = 'callseal-origin';
const REPLAY = 'callseal-replay';
const ARRIVAL = 'callseal-arrival';
const ATTEMPTS = 'callseal-attempts';
const FIRST_FAILED_AT = 'callseal-first-failed-at';
const DUE_AT = 'callseal-due-at';
const ORIGIN_TIMESTAMP = 'callseal-origin-timestamp';
const CODE = 'callseal-code';
const HELD = 'callseal-held';
const TRANSPORT: ReadonlySet<string> = new Set([
  ORIGIN,
  REPLAY,
  ARRIVAL,
  ATTEMPTS,
  FIRST_FAILED_AT,
  DUE_AT,
  ORIGIN_TIMESTAMP,
  CODE,
  HELD,
]);

type Headers = Readonly<Record<string, string>>;

/** A record of an input topic as it stands there. */
export interface InputRecord {
  readonly place: Place;
  readonly key: string | undefined;
  readonly headers: Headers;
  readonly value: Buffer;
  /** When it was published, milliseconds. */
  readonly at?: number;
}

/**
 * Reads a record as the delivery it is. A record of the retry or replay topic whose headers cannot be read stands
 * for itself: its origin is then no inbox topic, which no tenant belongs to, so it is parked and not lost.
 */
export function deliveryOf(record: InputRecord, kind: InputKind): Delivery {
  const { place, key, value } = record;
  const first: Delivery = {
    origin: place,
    replay: 0,
    arrival: place,
    place,
    key,
    headers: ownHeaders(record.headers),
    value,
    counted: 0,
    firstFailedAt: undefined,
  };
  if (kind === 'inbox') return { ...first, ...originTime(record.at) };
  const origin = parsePlace(record.headers[ORIGIN]);
  const replay = parseCount(record.headers[REPLAY]);
  if (origin === undefined || replay === undefined) return { ...first, ...originTime(record.at) };
  const originAt = originTime(Date.parse(record.headers[ORIGIN_TIMESTAMP] ?? ''));
  if (kind === 'replay') return { ...first, ...originAt, origin, replay };
  return {
    ...first,
    ...originAt,
    origin,
    replay,
    handedOver: handedOverOf(record.headers),
    arrival: parsePlace(record.headers[ARRIVAL]) ?? place,
    counted: parseCount(record.headers[ATTEMPTS]) ?? 0,
    firstFailedAt: record.headers[FIRST_FAILED_AT],
  };
}

/** A time that no date can hold says nothing. */
function originTime(ms: number | undefined): { readonly originAt?: string } {
  const isTime = ms !== undefined && Math.abs(ms) <= MOST_MS;
  return isTime ? { originAt: new Date(ms).toISOString() } : {};
}

const MOST_MS = 8.64e15;

function handedOverOf(headers: Headers): HandedOver {
  const dueAt = dueAtOf(headers);
  return {
    dueAt: dueAt === undefined ? undefined : new Date(dueAt).toISOString(),
    code: codeIn(headers[CODE]),
    held: codeIn(headers[HELD]),
  };
}

function codeIn(text: string | undefined): Code | undefined {
  return text !== undefined && isCode(text) ? text : undefined;
}

/** Headers of the retry-topic record that hands a delivery over. */
export function handOverHeaders(
  delivery: Delivery,
  handOver: Omit<Extract<Verdict, { do: 'hand-over' }>, 'do'>,
): Headers {
  const { code, held } = handOver;
  return {
    ...delivery.headers,
    [ORIGIN]: placeText(delivery.origin),
    [REPLAY]: String(delivery.replay),
    [ARRIVAL]: placeText(delivery.arrival),
    [ATTEMPTS]: String(handOver.counted),
    [DUE_AT]: handOver.dueAt.toISOString(),
    ...(delivery.originAt === undefined ? {} : { [ORIGIN_TIMESTAMP]: delivery.originAt }),
    ...(code === undefined ? {} : { [CODE]: code }),
    ...(held === undefined ? {} : { [HELD]: held }),
    ...(handOver.firstFailedAt === undefined ? {} : { [FIRST_FAILED_AT]: handOver.firstFailedAt }),
  };
}

/** When a record of the retry topic may be delivered, in milliseconds; undefined: at once. */
export function dueAtOf(headers: Headers): number | undefined {
  const at = Date.parse(headers[DUE_AT] ?? '');
  return Number.isNaN(at) ? undefined : at;
}

/** Headers of the replay-topic record that puts an event in front of the pipeline again, under a new number. */
export function replayHeaders(headers: Headers, origin: Place, replay: number, originAt?: string): Headers {
  return {
    ...ownHeaders(headers),
    [ORIGIN]: placeText(origin),
    [REPLAY]: String(replay),
    ...(originAt === undefined ? {} : { [ORIGIN_TIMESTAMP]: originAt }),
  };
}

function ownHeaders(headers: Headers): Headers {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => !TRANSPORT.has(name)));
}

const PLACE = /^([A-Za-z0-9._-]{1,249})\/(\d{1,10})\/(\d{1,16})$/;

/** The inverse of `placeText`. */
function parsePlace(text: string | undefined): Place | undefined {
  const [, topic, partition, offset] = PLACE.exec(text ?? '') ?? [];
  if (topic === undefined) return undefined;
  const place = { topic, partition: Number(partition), offset: Number(offset) };
  return Number.isSafeInteger(place.offset) ? place : undefined;
}

function parseCount(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,9}$/.test(text) ? Number(text) : undefined;
}
