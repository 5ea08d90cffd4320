import type { ColumnTypes } from '../migrate.ts';

/**
 * What lists and statistics of dead letters ask for, as columns of the answer, and the two marks that operators set.
 *
 * `discarded_letters`: a row says that nobody wants this parked answer any more; no replay takes it while the row is
 * there. Bringing it back deletes the row. The audit log remembers both.
 *
 * `intake_pauses`: a tenant whose deliveries wait because an operator said so, until the row is gone.
 */
export function deadLetterTables({ jsonField }: ColumnTypes): string[] {
  return [
    'alter table answers add column stage text',
    'alter table answers add column fingerprint text',
    'alter table answers add column worker_version text',
    `update answers set stage = ${jsonField('park', 'stage')}, fingerprint = ${jsonField('park', 'fingerprint')}
      where park is not null`,
    `create index answers_parked on answers (decided_at) where answer = 'parked'`,
    // The first of its kind, and all of its kind.
    `create index answers_by_fingerprint on answers (fingerprint, decided_at) where answer = 'parked'`,

    `create table discarded_letters (
      answer_uid text primary key,
      tenant text,
      discarded_at bigint not null,
      discarded_by text not null,
      ticket text not null
    )`,

    `create table intake_pauses (
      tenant text primary key,
      paused_at bigint not null,
      paused_by text not null,
      ticket text not null
    )`,
  ];
}
