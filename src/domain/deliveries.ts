import { createHash } from 'node:crypto';
import type { Code } from './errors.ts';

/** A record's place: topic, partition and offset. Offsets are whole numbers below 2^53. */
export interface Place {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
}

/**
 * An event in our hands.
 *
 * `origin` is the event's place in an inbox topic and stays the same through hand-overs and replays; `arrival`
 * is the place of the first record of this (origin, replay). `originAt`, `counted` and `firstFailedAt` travel with
 * a hand-over to the retry topic.
 */
export interface Delivery {
  readonly origin: Place;
  readonly replay: number;
  readonly arrival: Place;
  /** Where this record itself stands. */
  readonly place: Place;
  readonly key: string | undefined;
  readonly headers: Readonly<Record<string, string>>;
  readonly value: Buffer;
  /** Failed tries that counted so far, over all hand-overs of this replay number. */
  readonly counted: number;
  /** ISO time of the first counted failure of this replay number. */
  readonly firstFailedAt: string | undefined;
  /** When the record at `origin` was published, ISO time; absent where nobody has said. */
  readonly originAt?: string;
  /** Of a record of the retry topic: what the last hand-over said. */
  readonly handedOver?: HandedOver;
}

export interface HandedOver {
  /** ISO time. */
  readonly dueAt: string | undefined;
  /** The failure that it was handed over for. */
  readonly code: Code | undefined;
  /** Why it had to wait, where nothing had failed: it was in the way of others. */
  readonly held: Code | undefined;
}

/** SHA-256 of the delivered bytes, hex: the same origin with another digest is ORIGIN_REUSED. */
export function deliveredDigest(value: Uint8Array): string {
  return createHash('sha256').update(value).digest('hex');
}

export function placeText(place: Place): string {
  return `${place.topic}/${place.partition}/${place.offset}`;
}

export function samePlace(a: Place, b: Place): boolean {
  return a.topic === b.topic && a.partition === b.partition && a.offset === b.offset;
}

/** The record key that keeps a call's events in order. */
export function recordKey(tenant: string, call: string): string {
  return `${tenant}/${call}`;
}
