/**
 * Replays. `answers.replays` is the ledger, kept in the row of replay 0: how many replay numbers of the delivery were
 * taken. `campaign_records` says by which campaign, for which bytes, and whether the record was published.
 */
export function campaignTables(): string[] {
  return [
    'alter table answers add column replays bigint not null default 0',

    `create table campaigns (
      uid text primary key,
      hash text not null unique,
      state text not null
        check (state in ('planned', 'running', 'paused', 'stopped', 'cancelled', 'finished')),
      code text,
      plan text not null,
      records bigint not null,
      claims bigint not null,
      ticket text,
      limits text,
      planned_at text not null,
      applied_at text,
      ended_at text
    )`,
    'create index campaigns_by_time on campaigns (planned_at)',

    `create table campaign_records (
      campaign text not null,
      record_number bigint not null,
      answer_uid text not null,
      origin_topic text not null,
      origin_partition bigint not null,
      origin_offset bigint not null,
      replay bigint not null,
      tenant text,
      call text,
      call_uid text,
      revision bigint,
      delivered_digest text not null,
      bytes bigint not null,
      letter_after text,
      finding text,
      state text not null check (state in ('ready', 'left-out', 'claimed', 'published')),
      claimed_at bigint,
      published_at bigint,
      primary key (campaign, record_number)
    )`,
    'create index campaign_records_by_state on campaign_records (campaign, state, record_number)',
    // One claim for each number of a delivery, and what its bytes are.
    `create unique index campaign_records_claimed
      on campaign_records (origin_topic, origin_partition, origin_offset, replay) where claimed_at is not null`,
    `create index campaign_records_unmarked on campaign_records (campaign) where state = 'claimed'`,
  ];
}
