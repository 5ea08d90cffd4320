import type { Command } from 'commander';
import { CallsealError, EXIT } from '../../domain/errors.ts';
import {
  letterGone,
  type OpeningParts,
  type TakenLetter,
  takeLetters,
} from '../../work/dead-letters-opened.ts';
import type { App } from '../app.ts';
import { example } from '../frame.ts';
import { refuseTaken, writeNewFile } from '../new-file.ts';
import { counted, reason } from '../words.ts';
import { chosenParked } from './chosen.ts';
import { type FilterOptions, filterOptions, stateOption } from './filter.ts';
import { requireReason } from './show.ts';

interface ExportOptions extends FilterOptions {
  readonly out: string;
  readonly open?: boolean;
  readonly reason?: string;
}

/** `callseal dlq export`: dead letters into a new file, sealed as they are, or opened for a reason. */
export function registerDlqExport(dlq: Command, app: App): void {
  example(
    stateOption(filterOptions(dlq.command('export')))
      .description('write dead letters to a new file, one JSON object a line, sealed as they are; audited')
      .argument('[uid...]', 'which; or a filter')
      .requiredOption('-o, --out <file>', 'a new file; never a terminal')
      .option('--open', 'write what they hold instead')
      .option('--reason <text>', 'why they are opened; sealed beside the audit events', reason)
      .action((refs: string[], options: ExportOptions) => exportParked(app, refs, options)),
    'callseal dlq export --code EVENT_NOT_JSON -o letters.ndjson --ticket OPS-1',
  );
}

async function exportParked(app: App, refs: readonly string[], options: ExportOptions): Promise<void> {
  const { open = false, reason: why, out } = options;
  requireReason(open, why);
  if (out === '-' || out.startsWith('/dev/')) {
    throw new CallsealError('USAGE', 'dead letters go to a new file only: -o FILE');
  }
  await refuseTaken(out); // before anything is opened and audited
  const parts = { ...(await app.ports()), ...(await app.desk()) };
  const chosen = await chosenParked(parts.registry, { refs, options }, app.signal);
  const done = { letters: 0, bytes: 0 };
  const lines = linesOf(parts, { chosen, why }, done, app.signal);
  done.bytes = await writeNewFile(out, lines);
  const missing = chosen.length - done.letters;
  await app.voice.document({ file: out, opened: open, ...done, missing }, () => [
    `${counted(done.letters, 'dead letter')}, ${open ? 'opened' : 'sealed'}: ${out}`,
  ]);
  if (missing === 0) return;
  app.voice.say(`${missing} of ${chosen.length} are not on the topic any more`);
  app.exitWith(EXIT.partial);
}

async function* linesOf(
  parts: OpeningParts,
  { chosen, why }: { chosen: Awaited<ReturnType<typeof chosenParked>>; why: string | undefined },
  done: { letters: number },
  signal: AbortSignal,
): AsyncGenerator<Buffer> {
  const how = { action: 'dlq.export', ...(why !== undefined && { reason: why }) } as const;
  for await (const taken of takeLetters(parts, chosen, how, signal)) {
    done.letters++;
    yield Buffer.from(`${JSON.stringify(lineOf(taken))}\n`);
  }
  const [first] = chosen;
  // Thrown before the file has its name: there is none then.
  if (done.letters === 0 && first !== undefined) throw letterGone(first.answer.uid);
}

/** Bytes are base64. A sealed letter opens under the key that `callseal-key-name` names, with its id as artifact. */
function lineOf({ record, opened }: TakenLetter): object {
  const { id, key, headers, value } = record;
  if (opened === undefined) return { id, key, headers, value: value.toString('base64') };
  return { id, headers, opened: { ...opened, value: opened.value.toString('base64') } };
}
