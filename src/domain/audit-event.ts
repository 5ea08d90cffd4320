import { createHash } from 'node:crypto';
import { canonical } from './canonical.ts';

/** One audit event (docs/events.md, "Audit events"): who used which key for what, and what became of it. */
export const AUDIT_TYPE = 'callseal.audit.v1';
export const AUDIT_SCHEMA = 'callseal.audit/1';

/** The closed set of what can be audited. */
export const ACTIONS = [
  'key.generate',
  'key.unwrap',
  'key.rewrap',
  'key.shred',
  'key.export',
  'call.seal',
  'call.park',
  'call.replay',
  'call.hold',
  'call.release',
  'call.shred',
  'call.refuse',
  'call.reseal',
  'artifact.open',
  'artifact.verify',
  'object.delete',
  'source.release',
  'dlq.open',
  'dlq.discard',
  'dlq.restore',
  'dlq.export',
  'inbox.skip',
  'attempt.abandon',
  'tenant.create',
  'campaign.plan',
  'campaign.apply',
  'campaign.pause',
  'campaign.resume',
  'campaign.cancel',
  'campaign.finish',
  'intake.pause',
  'intake.resume',
  'worker.start',
  'worker.stop',
  'config.load',
  'registry.migrate',
  'registry.accept-restore',
  'audit.checkpoint',
  'reconcile.finish',
] as const;
export type Action = (typeof ACTIONS)[number];

export interface Actor {
  /** `worker`: a certificate's name or the process; `operator`: an OS user or a certificate's name. */
  readonly kind: 'worker' | 'operator';
  readonly id: string;
}

/** `intent` is written before the act; the event that closes it carries `intentUid`. */
export type OutcomeStatus = 'intent' | 'ok' | 'failed' | 'unknown' | 'not-made';

/** What the product says of an act. `seq`, `prev` and `hash` are the relay's. */
export interface AuditFact {
  readonly eventUid: string;
  readonly writer: { readonly instance: string; readonly version: string };
  readonly time: string;
  readonly actor: Actor;
  readonly action: Action;
  readonly outcome: { readonly status: OutcomeStatus; readonly code?: string };
  readonly tenant?: string;
  readonly subject?: {
    readonly kind: 'call' | 'artifact' | 'attempt' | 'key' | 'campaign' | 'registry';
    readonly uid: string;
  };
  readonly key?: {
    readonly id: string;
    readonly class: string;
    readonly materialId?: string;
    readonly algorithm?: string;
  };
  readonly kms?: { readonly requestId?: string; readonly operation: string; readonly contextHash: string };
  readonly delivery?: { readonly topic: string; readonly partition: number; readonly offset: number };
  readonly ticket?: string;
  readonly intentUid?: string;
  readonly durationMs?: number;
  /** Of a reconciliation: how much was compared, what was found, what was under way. */
  readonly counts?: { readonly compared: number; readonly findings: number; readonly inFlight: number };
}

export interface AuditEvent extends AuditFact {
  readonly schema: typeof AUDIT_SCHEMA;
  readonly seq: number;
  readonly prev: string;
  readonly hash: string;
}

/** The allow-list: nested names a field may hold, or true for a plain value. A field outside is dropped. */
const FIELDS: Readonly<Record<string, true | readonly string[]>> = {
  eventUid: true,
  writer: ['instance', 'version'],
  time: true,
  actor: ['kind', 'id'],
  action: true,
  outcome: ['status', 'code'],
  tenant: true,
  subject: ['kind', 'uid'],
  key: ['id', 'class', 'materialId', 'algorithm'],
  kms: ['requestId', 'operation', 'contextHash'],
  delivery: ['topic', 'partition', 'offset'],
  ticket: true,
  intentUid: true,
  durationMs: true,
  counts: ['compared', 'findings', 'inFlight'],
} satisfies Record<keyof AuditFact, true | readonly string[]>;

/** Serialises by the allow-list, RFC 8785. `dropped` counts the fields that had no place in the schema. */
export function auditText(fact: AuditFact): { text: string; dropped: number } {
  let dropped = 0;
  const kept: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(fact)) {
    const allowed = Object.hasOwn(FIELDS, name) ? FIELDS[name] : undefined;
    if (value === undefined) continue;
    if (allowed === undefined) {
      dropped++;
    } else if (allowed === true) {
      kept[name] = value;
    } else {
      const entries = Object.entries(nested(value)).filter(([, inner]) => inner !== undefined);
      const inside = entries.filter(([inner]) => allowed.includes(inner));
      dropped += entries.length - inside.length;
      kept[name] = Object.fromEntries(inside);
    }
  }
  return { text: canonical(kept), dropped };
}

function nested(value: unknown): Record<string, unknown> {
  return typeof value === 'object' && value !== null ? { ...value } : {};
}

export const CHAIN_START = '0'.repeat(64);

/** Takes a fact's text into the chain: `hash = SHA-256(0x00 || RFC 8785 form of the event without hash)`. */
export function chainEvent(factText: string, seq: number, prev: string): AuditEvent {
  const fact: AuditFact = JSON.parse(factText);
  const linked = { ...fact, schema: AUDIT_SCHEMA, seq, prev } as const;
  return { ...linked, hash: hashOf(linked) };
}

export function hashOf(event: Omit<AuditEvent, 'hash'>): string {
  return createHash('sha256').update('\0').update(canonical(event)).digest('hex');
}

/** SHA-256 of the canonical context: compares a row with the key service's log without repeating the context. */
export function contextHash(context: Readonly<Record<string, string>>): string {
  return createHash('sha256').update(canonical(context)).digest('hex');
}
