import { ANSWERS, type AnswerRow, type ParkReason } from '../../domain/answers.ts';
import { type Place, placeText } from '../../domain/deliveries.ts';
import { CallsealError, type Code, isCode } from '../../domain/errors.ts';
import { type KnownEpoch, refuseOtherEpoch } from './known-epoch.ts';
import { int, intOrNone, orNull, placeholders, text, textOrNone, word } from './rows.ts';
import type { Sql, SqlRow, SqlValue } from './sql.ts';

/** As they are read; what stands in `park` too is written into columns for lists and statistics. */
const COLUMNS = [
  'origin_topic',
  'origin_partition',
  'origin_offset',
  'replay',
  'uid',
  'arrival_topic',
  'arrival_partition',
  'arrival_offset',
  'delivered_digest',
  'answer',
  'code',
  'tenant',
  'call',
  'call_uid',
  'revision',
  'generation',
  'sequence',
  'answer_epoch',
  'park',
  'outcome',
  'decided_at',
] as const;
const WRITTEN = [...COLUMNS, 'stage', 'fingerprint', 'worker_version'] as const;
export const ANSWER_COLUMNS = COLUMNS.map((column) => `a.${column}`).join(', ');

export interface DeliveryIdentity {
  readonly origin: Place;
  readonly replay: number;
  readonly deliveredDigest: string;
}

/**
 * One indexed read.
 *
 * @throws CallsealError ORIGIN_REUSED, REGISTRY_WENT_BACK
 */
export async function findAnswer(
  sql: Sql,
  known: KnownEpoch,
  delivery: DeliveryIdentity,
): Promise<AnswerRow | undefined> {
  const { topic, partition, offset } = delivery.origin;
  const [row] = await sql.query(
    `select m.epoch, m.went_back, ${ANSWER_COLUMNS} from meta m left join answers a
       on a.origin_topic = $1 and a.origin_partition = $2 and a.origin_offset = $3 and a.replay = $4`,
    [topic, partition, offset, delivery.replay],
  );
  if (!row) throw new CallsealError('REGISTRY_DAMAGED', 'the registry has lost its own state row');
  refuseOtherEpoch(known, row);
  if (textOrNone(row, 'uid') === undefined) return undefined;
  const answer = answerOfRow(row);
  if (answer.deliveredDigest !== delivery.deliveredDigest) throw originReused(delivery.origin);
  return answer;
}

/** Whether each has an answer: of whichever bytes, and whatever became of the registry. */
export async function answered(
  sql: Sql,
  deliveries: readonly Pick<DeliveryIdentity, 'origin' | 'replay'>[],
): Promise<readonly boolean[]> {
  const found = new Set<string>();
  for (const [, group] of Map.groupBy(deliveries, ({ origin }) => `${origin.topic}/${origin.partition}`)) {
    const [first] = group;
    if (first === undefined) continue;
    const { topic, partition } = first.origin;
    const offsets = [...new Set(group.map(({ origin }) => origin.offset))];
    const rows = await sql.query(
      `select origin_offset, replay from answers where origin_topic = $1 and origin_partition = $2
         and origin_offset in ${placeholders(1, offsets.length, 2)}`,
      [topic, partition, ...offsets],
    );
    for (const row of rows)
      found.add(`${topic}/${partition}/${int(row, 'origin_offset')}#${int(row, 'replay')}`);
  }
  return deliveries.map(({ origin, replay }) => found.has(`${placeText(origin)}#${replay}`));
}

/**
 * Attempts and answers of the same origin, up to this replay number: a topic that was made anew counts from 0 again,
 * and its records must not be taken for the old ones. A replay may carry other bytes than the delivery did (a patch):
 * those of its claim, and no others.
 *
 * @throws CallsealError ORIGIN_REUSED
 */
export async function refuseReusedOrigin(sql: Sql, delivery: DeliveryIdentity): Promise<void> {
  const { topic, partition, offset } = delivery.origin;
  const claimed = await claimedDigest(sql, delivery);
  if (claimed !== undefined) {
    if (claimed !== delivery.deliveredDigest) throw originReused(delivery.origin);
    return;
  }
  const others = await sql.query(
    `select delivered_digest from attempts
       where origin_topic = $1 and origin_partition = $2 and origin_offset = $3 and delivered_digest <> $4
         and replay <= $5
     union select delivered_digest from answers
       where origin_topic = $1 and origin_partition = $2 and origin_offset = $3 and delivered_digest <> $4
         and replay <= $5`,
    [topic, partition, offset, delivery.deliveredDigest, delivery.replay],
  );
  if (others.length > 0) throw originReused(delivery.origin);
}

async function claimedDigest(
  sql: Sql,
  { origin, replay }: Pick<DeliveryIdentity, 'origin' | 'replay'>,
): Promise<string | undefined> {
  if (replay === 0) return undefined;
  const [row] = await sql.query(
    `select delivered_digest from campaign_records where origin_topic = $1 and origin_partition = $2
       and origin_offset = $3 and replay = $4 and claimed_at is not null`,
    [origin.topic, origin.partition, origin.offset, replay],
  );
  return row && text(row, 'delivered_digest');
}

export function originReused(origin: Place): CallsealError {
  return new CallsealError('ORIGIN_REUSED', `other bytes came from ${placeText(origin)} before`, {
    hint: 'was the topic deleted and made again? give the new one another name',
  });
}

/** @returns false where this (origin, replay) has its answer already: nothing was written */
export async function insertAnswer(sql: Sql, row: AnswerRow): Promise<boolean> {
  const values: SqlValue[] = [
    row.origin.topic,
    row.origin.partition,
    row.origin.offset,
    row.replay,
    row.uid,
    row.arrival.topic,
    row.arrival.partition,
    row.arrival.offset,
    row.deliveredDigest,
    row.answer,
    orNull(row.code),
    orNull(row.tenant),
    orNull(row.call),
    orNull(row.callUid),
    orNull(row.revision),
    orNull(row.generation),
    orNull(row.sequence),
    row.registryEpoch,
    row.park ? JSON.stringify(row.park) : null,
    orNull(row.outcome),
    row.decidedAt,
    orNull(row.park?.stage),
    orNull(row.park?.fingerprint),
    orNull(row.park?.workerVersion),
  ];
  const inserted = await sql.query(
    `insert into answers (${WRITTEN.join(', ')}) values ${placeholders(1, WRITTEN.length)}
     on conflict (origin_topic, origin_partition, origin_offset, replay) do nothing returning uid`,
    values,
  );
  return inserted.length > 0;
}

export function answerOfRow(row: SqlRow): AnswerRow {
  return {
    uid: text(row, 'uid'),
    origin: place(row, 'origin'),
    replay: int(row, 'replay'),
    arrival: place(row, 'arrival'),
    deliveredDigest: text(row, 'delivered_digest'),
    answer: word(row, 'answer', ANSWERS),
    code: codeOrNone(row),
    tenant: textOrNone(row, 'tenant'),
    call: textOrNone(row, 'call'),
    callUid: textOrNone(row, 'call_uid'),
    revision: intOrNone(row, 'revision'),
    generation: intOrNone(row, 'generation'),
    sequence: intOrNone(row, 'sequence'),
    registryEpoch: int(row, 'answer_epoch'),
    park: parkOrNone(row),
    outcome: textOrNone(row, 'outcome'),
    decidedAt: text(row, 'decided_at'),
  };
}

function codeOrNone(row: SqlRow): Code | undefined {
  const code = textOrNone(row, 'code');
  if (code === undefined || isCode(code)) return code;
  throw new TypeError('an answer has a code that this program does not know');
}

function parkOrNone(row: SqlRow): ParkReason | undefined {
  const park = textOrNone(row, 'park');
  if (park === undefined) return undefined;
  const reason: ParkReason = JSON.parse(park);
  return reason;
}

function place(row: SqlRow, which: 'origin' | 'arrival'): Place {
  return {
    topic: text(row, `${which}_topic`),
    partition: int(row, `${which}_partition`),
    offset: int(row, `${which}_offset`),
  };
}
