import { randomUUID } from 'node:crypto';

/**
 * Opaque ids: tenant, call, artifact, alias. They stand in clear in object names, logs and CloudTrail, so they
 * are never a name, a number or an address; who sends them sees to that (docs/events.md).
 */
const ID = /^(?!\.{1,2}$)[A-Za-z0-9._-]{1,128}$/;
const LOOKS_LIKE_NUMBER = /^\d{7,15}$/;
const TICKET = /^[A-Za-z0-9._-]{1,64}$/;

export function isId(text: string): boolean {
  return ID.test(text);
}

/** 7 to 15 digits and nothing else: perhaps a phone number that should not be here. */
export function looksLikeNumber(id: string): boolean {
  return LOOKS_LIKE_NUMBER.test(id);
}

export function isTicket(text: string): boolean {
  return TICKET.test(text);
}

/** A random uid: attempts, call uids, key names, answers, audit events. Carries no time and no order. */
export function newUid(): string {
  return randomUUID();
}
