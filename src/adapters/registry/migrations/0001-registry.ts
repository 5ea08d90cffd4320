import type { ColumnTypes } from '../migrate.ts';

/**
 * The registry's tables. Times whose name ends in `_at` are the database's clock in milliseconds, except
 * `created_at`, `sealed_at` and `decided_at`: ISO text of the application. JSON is text.
 *
 * `*` in a tombstone stands for every call of the tenant or every class of the call: no id may hold that character.
 */
export function registryTables({ bytes, rowNumber }: ColumnTypes): string[] {
  return [
    `create table meta (
      id bigint primary key check (id = 1),
      epoch bigint not null,
      went_back bigint not null
    )`,
    'insert into meta (id, epoch, went_back) values (1, 1, 0)',

    // The row that the decision locks. Made by whoever comes first, never deleted.
    `create table calls (
      tenant text not null,
      call text not null,
      call_uid text not null unique,
      version bigint not null,
      current_revision bigint,
      current_generation bigint,
      denied_revision bigint,
      primary key (tenant, call)
    )`,

    `create table attempts (
      uid text primary key,
      origin_topic text not null,
      origin_partition bigint not null,
      origin_offset bigint not null,
      replay bigint not null,
      delivered_digest text not null,
      tenant text not null,
      call text not null,
      revision bigint not null,
      state text not null check (state in ('open', 'won', 'lost', 'abandoned', 'unknown')),
      seen_at bigint not null,
      ended_at bigint,
      deleted_at bigint,
      swept_at bigint
    )`,
    'create index attempts_by_origin on attempts (origin_topic, origin_partition, origin_offset)',
    `create index attempts_open on attempts (seen_at) where state = 'open'`,
    `create index attempts_to_sweep on attempts (ended_at)
      where state in ('lost', 'abandoned') and swept_at is null`,

    // A key was or will be used, and nobody has said yet how that ended. Closing deletes the row.
    `create table open_intents (
      uid text primary key,
      attempt text,
      opened_at bigint not null,
      fact text not null
    )`,
    'create index open_intents_by_attempt on open_intents (attempt)',

    `create table receipts (
      tenant text not null,
      call text not null,
      revision bigint not null,
      generation bigint not null,
      attempt text not null,
      event_digest text not null,
      sealed_at text not null,
      artifacts bigint not null,
      sealed_bytes bigint not null,
      warnings bigint not null,
      receipt text not null,
      primary key (tenant, call, revision, generation)
    )`,

    // The only place where a wrapped call key exists; what a shred empties.
    `create table call_keys (
      name text primary key,
      tenant text not null,
      call text not null,
      key_class text not null,
      attempt text not null,
      wrapped ${bytes} not null,
      kek text not null,
      material_id text not null,
      context text not null,
      created_at text not null
    )`,
    'create index call_keys_by_call on call_keys (tenant, call)',

    `create table answers (
      origin_topic text not null,
      origin_partition bigint not null,
      origin_offset bigint not null,
      replay bigint not null,
      uid text not null unique,
      arrival_topic text not null,
      arrival_partition bigint not null,
      arrival_offset bigint not null,
      delivered_digest text not null,
      answer text not null,
      code text,
      tenant text,
      call text,
      call_uid text,
      revision bigint,
      generation bigint,
      sequence bigint,
      answer_epoch bigint not null,
      park text,
      outcome text,
      decided_at text not null,
      primary key (origin_topic, origin_partition, origin_offset, replay)
    )`,
    'create index answers_by_time on answers (decided_at)',
    'create index answers_by_call on answers (tenant, call)',

    `create table tombstones (
      tenant text not null,
      call text not null,
      key_class text not null,
      at text not null,
      primary key (tenant, call, key_class)
    )`,

    `create table audit_events (
      row_number ${rowNumber},
      event_uid text not null unique,
      subject_uid text,
      action text not null,
      fact text not null,
      seq bigint unique,
      prev text,
      hash text
    )`,
    'create index audit_events_to_chain on audit_events (row_number) where seq is null',
    'create index audit_events_by_subject on audit_events (subject_uid, action)',

    // A command's reason, sealed; it stays here when the event itself is published.
    `create table sealed_reasons (
      event_uid text primary key,
      key_name text not null,
      sealed ${bytes} not null
    )`,

    // The relay's lease and the head of the chain, one row: whoever holds its lock may chain.
    `create table relay (
      id bigint primary key check (id = 1),
      holder text,
      fence bigint not null,
      lease_until bigint not null,
      head_seq bigint not null,
      head_hash text not null,
      published_seq bigint not null
    )`,
    `insert into relay (id, fence, lease_until, head_seq, head_hash, published_seq)
      values (1, 0, 0, 0, '${'0'.repeat(64)}', 0)`,

    'create table tenants (tenant text primary key)',

    `create table one_call_sources (
      tenant text not null,
      call text not null,
      revision bigint not null,
      source_key text not null,
      path text not null,
      primary key (tenant, call, revision, source_key)
    )`,

    `create table dead_letter_keys (
      name text primary key,
      worker text not null,
      day text not null,
      wrapped ${bytes} not null,
      kek text not null,
      material_id text not null,
      context text not null,
      created_at text not null
    )`,
  ];
}
