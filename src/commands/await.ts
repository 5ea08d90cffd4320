import { setTimeout as sleep } from 'node:timers/promises';
import type { Command } from 'commander';
import type { AnswerRow } from '../domain/answers.ts';
import { CallsealError } from '../domain/errors.ts';
import { reportAnswer } from './answer-report.ts';
import type { App } from './app.ts';
import { example } from './frame.ts';
import { type CallRef, callRef, callText, revision, seconds } from './words.ts';

interface AwaitOptions {
  readonly revision?: number;
  readonly timeout: number;
}

const POLL_MS = 100;

/** `callseal await`: waits until a call has an answer, and prints the newest one. */
export function registerAwait(program: Command, app: App): void {
  example(
    program
      .command('await')
      .description('wait until a call has an answer, and print it')
      .argument('<tenant/call>', 'the call', callRef)
      .option('--revision <n>', 'an answer to this revision', revision)
      .option('--timeout <seconds>', 'give up after so long', seconds, 60)
      .action((ref: CallRef, options: AwaitOptions) => awaitAnswer(app, ref, options)),
    'callseal await demo/intake-0001 --timeout 30',
  );
}

async function awaitAnswer(app: App, ref: CallRef, options: AwaitOptions): Promise<void> {
  const deadline = performance.now() + options.timeout * 1000;
  for (;;) {
    const row = await newestAnswer(app, ref, options);
    if (row) return await reportAnswer(app, row);
    if (performance.now() >= deadline) {
      throw new CallsealError('NOT_FOUND', `${callText(ref)} has no answer after ${options.timeout} s`, {
        hint: 'callseal status says what waits; is a worker running?',
      });
    }
    await sleep(POLL_MS, undefined, { signal: app.signal });
  }
}

async function newestAnswer(app: App, ref: CallRef, options: AwaitOptions): Promise<AnswerRow | undefined> {
  const { registry } = await app.ports();
  const rows = await registry.answers({ ...ref, limit: 100 }, app.signal);
  return rows.find((row) => options.revision === undefined || row.revision === options.revision);
}
