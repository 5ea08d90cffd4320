import { createHash } from 'node:crypto';
import type { AnswerRow } from '../../domain/answers.ts';
import type { OutputTopic } from '../../domain/outputs.ts';
import type { PublishedRecord } from '../../ports/events.ts';
import { outputsDue } from './compare-answers.ts';
import { answeredOf, whereIs } from './event-key.ts';
import type { Whereabouts } from './findings.ts';
import { GRACE_MS, type OutputDue, type Run } from './parts.ts';

const TOPICS = ['outcome', 'transcripts', 'dlq'] as const satisfies OutputTopic[];
/** Answers of one call that are looked through for a transcript. */
const MOST_ANSWERS = 1_000;

/** Every output against its answer, then every answer's outputs that were not met. */
export async function compareOutputs(run: Run, signal: AbortSignal): Promise<void> {
  const since = new Date(run.since.getTime() - GRACE_MS);
  for (const topic of TOPICS) {
    for await (const record of run.events.read(topic, { follow: false, since }, signal)) {
      run.tally.compared('outputs');
      await compareOutput(run, record, signal);
    }
  }
  for (const [name, due] of run.outputsDue.entries()) {
    if (due.seen === undefined && !due.early) await tellMissing(run, name, due, signal);
  }
}

async function compareOutput(run: Run, record: PublishedRecord, signal: AbortSignal): Promise<void> {
  const name = `${record.topic} ${record.id}`;
  const due = run.outputsDue.get(name) ?? (await dueOfStranger(run, record, name, signal));
  if (due === undefined) return;
  const bytes = record.topic === 'dlq' ? '' : createHash('sha256').update(record.value).digest('hex');
  if (due.seen === undefined) run.outputsDue.set(name, { ...due, seen: bytes });
  const differs = due.seen === undefined ? (due.sha256 ?? bytes) !== bytes : due.seen !== bytes;
  if (differs) await run.tally.find('OUTPUT_DIFFERS', { ...whereIs(due.event), ...named(record, due) });
  else if (due.seen !== undefined) run.tally.repeated();
}

/** Of an answer that was decided before or after what was read. Tells where it is nobody's. */
async function dueOfStranger(
  run: Run,
  record: PublishedRecord,
  name: string,
  signal: AbortSignal,
): Promise<OutputDue | undefined> {
  const answers = await answersFor(run, record, signal);
  const known = new Map(answers.flatMap((row) => outputsDue(row, true)));
  const due = known.get(name);
  if (due !== undefined) return due;
  // Its event has an answer, and that answer publishes something else: a second one for one question.
  const isDouble = record.topic !== 'transcripts' && answers.length > 0;
  const [tenant, call] = record.key.split('/');
  await run.tally.find(isDouble ? 'OUTPUT_DOUBLED' : 'OUTPUT_UNANSWERED', {
    ...named(record, { ...(tenant && call && { tenant, call }) }),
    ...whereIs(eventOf(record)),
  });
  return undefined;
}

async function answersFor(run: Run, record: PublishedRecord, signal: AbortSignal): Promise<AnswerRow[]> {
  const answered = answeredOf(eventOf(record));
  if (answered) return await run.registry.answersOf([answered], signal);
  const [tenant, call] = record.key.split('/');
  if (tenant === undefined || call === undefined) return [];
  return await run.registry.answers({ tenant, call, limit: MOST_ANSWERS }, signal);
}

function eventOf({ headers }: PublishedRecord): string {
  return `${headers['callseal-origin'] ?? ''}#${headers['callseal-replay'] ?? ''}`;
}

function named(
  { topic, id }: Pick<PublishedRecord, 'topic' | 'id'>,
  { tenant, call, answer }: Pick<Whereabouts, 'tenant' | 'call' | 'answer'>,
): Whereabouts {
  return {
    topic,
    id,
    ...(tenant !== undefined && { tenant }),
    ...(call !== undefined && { call }),
    ...(answer !== undefined && { answer }),
  };
}

async function tellMissing(run: Run, name: string, due: OutputDue, signal: AbortSignal): Promise<void> {
  const event = run.seenEvents.get(due.event);
  const ageMs = run.now().getTime() - due.decidedAt;
  const where = { ...whereIs(due.event), ...named(outputOf(name), due) };
  // Its event is not done: the settle is still to come. Of an event that was not read only the age says so.
  if (event ? !event.done : ageMs < GRACE_MS) {
    return await run.tally.inFlight({ stage: 'unsettled', ...where, ageMs });
  }
  // Shredded between answer and settle: bytes that nobody can open are not published.
  if (due.object !== undefined && (await run.objects.stat(due.object, signal)) === undefined) return;
  await run.tally.find('OUTPUT_MISSING', where);
}

function outputOf(name: string): Pick<PublishedRecord, 'topic' | 'id'> {
  const [topic = '', id = ''] = name.split(' ');
  return { topic: TOPICS.find((one) => one === topic) ?? 'outcome', id };
}
