import type { Command } from 'commander';
import type { AnswerRow } from '../domain/answers.ts';
import type { AuditFact } from '../domain/audit-event.ts';
import { CallsealError, EXIT } from '../domain/errors.ts';
import type { Receipt } from '../domain/receipts.ts';
import type { CallSummary, Registry } from '../ports/registry.ts';
import type { App } from './app.ts';
import { example } from './frame.ts';
import { stateOf } from './list.ts';
import { type CallRef, callRef, callText, DEFAULT_LIMIT, revisionText } from './words.ts';

/** Everything that is known of a call; none of it is content. */
interface CallReport extends CallSummary {
  readonly receipts: readonly Receipt[];
  /** Newest first. */
  readonly answers: readonly AnswerRow[];
  /** Every time its key left the key service for somebody, for ever. */
  readonly exports: readonly AuditFact[];
}

/** `callseal show`: receipts, answers and exports of one call. */
export function registerShow(program: Command, app: App): void {
  example(
    program
      .command('show')
      .description('show what is known of a call: receipts, answers, exports of its key')
      .argument('<tenant/call>', 'the call', callRef)
      .action((ref: CallRef) => showCall(app, ref)),
    'callseal show demo/c-0001',
  );
}

async function showCall(app: App, ref: CallRef): Promise<void> {
  const { registry } = await app.ports();
  const report = await reportOf(registry, ref, app.signal);
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

function* linesOf(report: CallReport): Generator<string> {
  yield `call      ${callText(report)}`;
  yield `uid       ${report.callUid}`;
  yield `state     ${stateOf(report)}${report.current ? `, revision ${revisionText(report.current)}` : ''}`;
  for (const receipt of report.receipts) yield* receiptLines(receipt);
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
  }
  if (receipt.warnings.length > 0) yield `          ${receipt.warnings.join(' ')}`;
}
