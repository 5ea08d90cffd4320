import type { AnswerRow } from '../domain/answers.ts';
import { EXIT, exitOf } from '../domain/errors.ts';
import type { Outcome } from '../domain/outcome-event.ts';
import type { App } from './app.ts';
import { counted } from './words.ts';

/** Prints what a delivery came to, and ends with the exit code that says it. `--json`: the outcome event's data. */
export async function reportAnswer(app: App, row: AnswerRow): Promise<void> {
  const outcome: Outcome | undefined = row.outcome === undefined ? undefined : JSON.parse(row.outcome);
  const { tenant, call, revision, answer, code } = row;
  await app.voice.document(outcome ?? { tenant, call, revision, answer, code }, () => [
    `${answer}${code === undefined ? '' : ` ${code}`}: ${tenant}/${call}, revision ${revision}${sizeOf(outcome)}`,
    ...warningsOf(outcome),
  ]);
  if (answer === 'parked') app.voice.hint(`callseal dlq show ${row.uid}`);
  app.exitWith(exitOfAnswer(row));
}

function exitOfAnswer({ answer, code }: AnswerRow): number {
  if (answer === 'sealed' || answer === 'sealed-with-warnings' || answer === 'duplicate') return EXIT.ok;
  return code === 'CALL_SHREDDED' ? exitOf(code) : EXIT.refused;
}

function sizeOf(outcome: Outcome | undefined): string {
  if (!outcome || outcome.artifacts.length === 0) return '';
  const bytes = outcome.artifacts.reduce((sum, { sealedBytes }) => sum + sealedBytes, 0);
  return `, ${counted(outcome.artifacts.length, 'object')}, ${bytes} bytes`;
}

function* warningsOf(outcome: Outcome | undefined): Generator<string> {
  for (const warning of outcome?.warnings ?? []) yield `warning ${warning}`;
  for (const { id, warnings } of outcome?.artifacts ?? []) {
    for (const warning of warnings) yield `warning ${id}: ${warning}`;
  }
}
