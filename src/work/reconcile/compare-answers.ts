import type { AnswerRow } from '../../domain/answers.ts';
import { placeText } from '../../domain/deliveries.ts';
import { expectedOutputs } from '../../domain/expected-outputs.ts';
import type { Receipt, SealedArtifact } from '../../domain/receipts.ts';
import { eventKey } from './event-key.ts';
import type { Whereabouts } from './findings.ts';
import { BATCH, GRACE_MS, type OutputDue, type Run, sourceKey } from './parts.ts';

/** Answers that are looked at side by side: most of it is waiting for the object store. */
const SIDE_BY_SIDE = 8;

/**
 * Every answer against its receipt, keys and objects; and what each publishes, written down for the comparison with
 * the topics. Begins a little earlier than asked: the outputs of those answers may be read too.
 */
export async function compareAnswers(run: Run, signal: AbortSignal): Promise<void> {
  const since = run.since.toISOString();
  const until = run.until.toISOString();
  let after = { decidedAt: new Date(run.since.getTime() - GRACE_MS).toISOString(), uid: '' };
  for (;;) {
    const rows = await run.registry.answersBehind(after, BATCH, signal);
    const wanted = rows.filter(({ decidedAt }) => decidedAt <= until);
    for (const row of wanted) noteOutputs(run, row, row.decidedAt < since);
    const mine = wanted.filter(({ decidedAt }) => decidedAt >= since);
    run.tally.compared('answers', mine.length);
    for (let i = 0; i < mine.length; i += SIDE_BY_SIDE) {
      await Promise.all(mine.slice(i, i + SIDE_BY_SIDE).map((row) => compareSealed(run, row, signal)));
    }
    const last = rows.at(-1);
    if (last === undefined || wanted.length < rows.length) return;
    after = last;
  }
}

function noteOutputs(run: Run, row: AnswerRow, early: boolean): void {
  for (const due of outputsDue(row, early)) run.outputsDue.set(...due);
}

/** By `<topic> <id>`. */
export function outputsDue(row: AnswerRow, early: boolean): (readonly [string, OutputDue])[] {
  const { uid, tenant, call, decidedAt } = row;
  return expectedOutputs(row).map(({ topic, id, sha256, object }) => [
    `${topic} ${id}`,
    {
      answer: uid,
      event: eventKey(row),
      decidedAt: Date.parse(decidedAt),
      early,
      ...(tenant !== undefined && { tenant }),
      ...(call !== undefined && { call }),
      ...(sha256 !== undefined && { sha256 }),
      ...(object !== undefined && { object }),
    },
  ]);
}

async function compareSealed(run: Run, row: AnswerRow, signal: AbortSignal): Promise<void> {
  const { tenant, call, revision, generation } = row;
  if (tenant === undefined || call === undefined) return;
  if (row.answer !== 'sealed' && row.answer !== 'sealed-with-warnings') return;
  const receipts = await run.registry.receipts(tenant, call, signal);
  const own = receipts.find((one) => one.revision === revision && one.generation === generation);
  run.tally.compared('receipts');
  if (own === undefined) {
    const origin = placeText(row.origin);
    return await run.tally.find('RECEIPT_MISSING', { tenant, call, answer: row.uid, origin });
  }
  // What no current receipt names any more is retention's to delete.
  if (receipts.at(-1) === own) await compareArtifacts(run, own, signal);
}

async function compareArtifacts(run: Run, receipt: Receipt, signal: AbortSignal): Promise<void> {
  for (const artifact of receipt.artifacts) {
    const { source, plainBytes } = artifact;
    if (run.withSources && source !== undefined) {
      run.sealedSources.set(sourceKey(receipt.tenant, source.alias, source.key), plainBytes);
    }
    await compareArtifact(run, receipt, artifact, signal);
  }
}

async function compareArtifact(
  run: Run,
  { tenant, call }: Receipt,
  { id, object, keyName, sealedBytes }: SealedArtifact,
  signal: AbortSignal,
): Promise<void> {
  const { registry, objects, tally } = run;
  const where: Whereabouts = { tenant, call, artifact: id, object };
  const stored = await objects.stat(object, signal);
  const key = await registry.wrappedKey(keyName, signal);
  tally.compared('objects');
  tally.compared('keys');
  if (stored?.bytes === sealedBytes && key !== undefined) return;
  // Shredded, or replaced by a later revision, meanwhile: asked again now that something is not there.
  if (!(await registry.isNamed(object, signal))) return;
  if (key === undefined) await tally.find('KEY_MISSING', where);
  if (stored === undefined) await tally.find('OBJECT_MISSING', where);
  else if (stored.bytes !== sealedBytes) await tally.find('OBJECT_LENGTH_DIFFERS', where);
}
