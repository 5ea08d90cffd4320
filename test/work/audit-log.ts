import {
  type AuditEvent,
  type AuditFact,
  auditText,
  CHAIN_START,
  chainEvent,
} from '../../src/domain/audit-event.ts';
import { CallsealError } from '../../src/domain/errors.ts';
import type { Output } from '../../src/domain/outputs.ts';
import type { Events, PublishedRecord } from '../../src/ports/events.ts';
import type { AuditLog } from '../../src/ports/registry.ts';

/** The relay's part of a registry, in memory. `now` is its clock, in milliseconds. */
export interface MemoryAudit
  extends Pick<AuditLog, 'append' | 'leaseRelay' | 'sequence' | 'unpublished' | 'markPublished' | 'chain'> {
  now: number;
  readonly publishedThrough: () => number;
}

export function memoryAudit(): MemoryAudit {
  const unsequenced: string[] = [];
  const chain: AuditEvent[] = [];
  let published = 0;
  let fence = 0;
  let lease = { holder: '', until: 0 };
  const checkFence = (mine: number): void => {
    if (mine !== fence) throw new CallsealError('FENCED', 'another relay has the lease');
  };
  const log: MemoryAudit = {
    now: 0,
    publishedThrough: () => published,
    append: async (facts) => void unsequenced.push(...facts.map((fact) => auditText(fact).text)),
    leaseRelay: async (holder, ttlMs) => {
      if (lease.until > log.now && lease.holder !== holder) return undefined;
      if (lease.holder !== holder) fence++;
      lease = { holder, until: log.now + ttlMs };
      return fence;
    },
    sequence: async (mine, limit) => {
      checkFence(mine);
      const texts = unsequenced.splice(0, limit);
      for (const text of texts) {
        chain.push(chainEvent(text, chain.length + 1, chain.at(-1)?.hash ?? CHAIN_START));
      }
      return texts.length;
    },
    unpublished: async (limit) => chain.slice(published, published + limit),
    markPublished: async (mine, throughSeq) => {
      checkFence(mine);
      published = throughSeq;
    },
    chain: async function* (fromSeq) {
      yield* chain.slice(fromSeq - 1);
    },
  };
  return log;
}

/** A topic in memory that keeps repeats, as Kafka does. */
export function memoryTopic(): Pick<Events, 'publish' | 'read' | 'last'> & { readonly records: Output[] } {
  const records: Output[] = [];
  const at = (position: number): PublishedRecord => ({ ...records[position]!, position: String(position) });
  return {
    records,
    publish: async (outputs) => void records.push(...outputs),
    read: async function* () {
      for (let i = 0; i < records.length; i++) yield at(i);
    },
    last: async () => (records.length === 0 ? undefined : at(records.length - 1)),
  };
}

export function auditFact(eventUid: string, more: Partial<AuditFact> = {}): AuditFact {
  return {
    eventUid,
    writer: { instance: 'worker-1', version: '0.1.0' },
    time: '2026-11-24T10:00:00.000Z',
    actor: { kind: 'worker', id: 'worker' },
    action: 'call.seal',
    outcome: { status: 'ok' },
    ...more,
  };
}
