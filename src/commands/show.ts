import type { Command } from 'commander';
import type { AnswerRow } from '../domain/answers.ts';
import { parentOf } from '../domain/artifacts.ts';
import type { AuditFact } from '../domain/audit-event.ts';
import { CallsealError, EXIT } from '../domain/errors.ts';
import type { Receipt, SealedArtifact } from '../domain/receipts.ts';
import type { RecordingStats } from '../domain/recording-stats.ts';
import type { CallSummary, Registry } from '../ports/registry.ts';
import { openStats } from '../work/open-stats.ts';
import type { App } from './app.ts';
import { example } from './frame.ts';
import { stateOf } from './list.ts';
import { formatWords, stateWords, statsLines } from './recording-words.ts';
import { type CallRef, callRef, callText, DEFAULT_LIMIT, reason, revisionText } from './words.ts';

interface ShowOptions {
  readonly stats?: boolean;
  readonly reason?: string;
}

/** Everything that is known of a call; none of it is content but the statistics, where they are asked for. */
interface CallReport extends CallSummary {
  readonly receipts: readonly Receipt[];
  /** Newest first. */
  readonly answers: readonly AnswerRow[];
  /** Every time its key left the key service for somebody, for ever. */
  readonly exports: readonly AuditFact[];
  /** Of the current receipt's recordings, by artifact id. */
  readonly stats?: Readonly<Record<string, RecordingStats>>;
}

/** `callseal show`: receipts, answers and exports of one call. */
export function registerShow(program: Command, app: App): void {
  example(
    program
      .command('show')
      .description('show what is known of a call: receipts, answers, exports of its key')
      .argument('<tenant/call>', 'the call', callRef)
      .option('--stats', 'open the statistics of its recordings too: who talked how much, how loud; audited')
      .option('--reason <text>', 'why; sealed beside the audit event', reason)
      .action((ref: CallRef, options: ShowOptions) => showCall(app, ref, options)),
    'callseal show demo/c-0001',
    "callseal show demo/intake-0001 --stats --reason 'quality review'",
  );
}

async function showCall(app: App, ref: CallRef, options: ShowOptions): Promise<void> {
  const why = options.reason;
  if ((options.stats === true) !== (why !== undefined)) {
    throw new CallsealError(
      'USAGE',
      'statistics are opened for a reason: --stats --reason TEXT, both or neither',
    );
  }
  const { registry } = await app.ports();
  const known = await reportOf(registry, ref, app.signal);
  const report =
    why === undefined || known.shredded ? known : { ...known, stats: await statsOf(app, known, why) };
  await app.voice.document(report, () => linesOf(report));
  if (report.shredded) app.exitWith(EXIT.gone);
}

/** @throws CallsealError NOT_FOUND */
async function reportOf(registry: Registry, ref: CallRef, signal: AbortSignal): Promise<CallReport> {
  const { tenant, call } = ref;
  const summary = await registry.call(tenant, call, signal);
  if (summary === undefined) {
    throw new CallsealError('NOT_FOUND', `there is no call ${callText(ref)}`, {
      hint: `callseal list --tenant ${tenant}`,
    });
  }
  return {
    ...summary,
    receipts: await registry.receipts(tenant, call, signal),
    answers: await registry.answers({ tenant, call, limit: DEFAULT_LIMIT }, signal),
    exports: await registry.auditOf(summary.callUid, 'key.export', signal),
  };
}

/** What is sealed beside the recordings of the current receipt; each opening is audited by itself. */
async function statsOf(
  app: App,
  { tenant, call, current, receipts }: CallReport,
  why: string,
): Promise<Record<string, RecordingStats>> {
  const parts = { ...(await app.ports()), ...(await app.desk()) };
  const receipt = receipts.find(
    ({ revision, generation }) => revision === current?.revision && generation === current.generation,
  );
  const stats: Record<string, RecordingStats> = {};
  for (const { id, kind } of receipt?.artifacts ?? []) {
    const artifact = kind === 'stats' ? parentOf(id) : undefined;
    if (artifact === undefined) continue;
    stats[artifact] = await openStats(parts, { tenant, call, artifact, reason: why }, app.signal);
  }
  return stats;
}

function* linesOf(report: CallReport): Generator<string> {
  yield `call      ${callText(report)}`;
  yield `uid       ${report.callUid}`;
  yield `state     ${stateOf(report)}${report.current ? `, revision ${revisionText(report.current)}` : ''}`;
  for (const receipt of report.receipts) yield* receiptLines(receipt);
  for (const [id, stats] of Object.entries(report.stats ?? {})) {
    const [talk, ...levels] = statsLines(stats);
    yield `stats     ${id}  ${talk}`;
    for (const line of levels) yield `          ${line}`;
  }
  for (const answer of report.answers) {
    const code = answer.code === undefined ? '' : ` ${answer.code}`;
    yield `answer    ${answer.decidedAt}  revision ${answer.revision ?? '-'}: ${answer.answer}${code}`;
  }
  for (const use of report.exports) yield `export    ${use.time}  by ${use.actor.id}: ${use.outcome.status}`;
}

function* receiptLines(receipt: Receipt): Generator<string> {
  yield `receipt   ${receipt.sealedAt}  revision ${revisionText(receipt)}`;
  for (const artifact of receipt.artifacts) {
    const carried = artifact.carriedFrom === undefined ? '' : `  from revision ${artifact.carriedFrom}`;
    const warnings = artifact.warnings.length === 0 ? '' : `  ${artifact.warnings.join(' ')}`;
    yield `          ${artifact.id}  ${artifact.kind}  ${artifact.sealedBytes} bytes sealed${carried}${warnings}`;
    yield* recordingLine(artifact);
  }
  if (receipt.warnings.length > 0) yield `          ${receipt.warnings.join(' ')}`;
}

function* recordingLine({ media, warnings }: SealedArtifact): Generator<string> {
  if (media) yield `            ${formatWords(media)}: ${stateWords(media, warnings)}`;
}
