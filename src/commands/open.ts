import { once } from 'node:events';
import type { Command } from 'commander';
import { ruleOf } from '../domain/artifacts.ts';
import { CallsealError } from '../domain/errors.ts';
import { cutRecording } from '../work/cut-recording.ts';
import { type OpenedArtifact, openArtifact } from '../work/open-artifact.ts';
import type { App } from './app.ts';
import { example } from './frame.ts';
import { refuseTaken, writeNewFile } from './new-file.ts';
import { byteRange, type CallRef, callRef, reason, timeOffset } from './words.ts';

interface OpenOptions {
  readonly out: string;
  readonly bytes?: { readonly from: number; readonly toExclusive: number };
  readonly from?: number;
  readonly to?: number;
  readonly channel?: string;
  readonly reason: string;
}

/** `callseal open`: the plaintext of one artifact, whole or a range, for a reason that is kept. */
export function registerOpen(program: Command, app: App): void {
  example(
    program
      .command('open')
      .description('open an artifact of a call, whole or a range of its bytes; audited')
      .argument('<tenant/call>', 'the call', callRef)
      .argument('<artifact>', 'id of the artifact, as `callseal show` lists it')
      .option('-o, --out <file>', 'a new file, or - for standard output', '-')
      .option('--bytes <first-last>', 'only these bytes, both included', byteRange)
      .option(
        '--from <time>',
        'of a recording only the time from here, [h:]m:s[.fff], as a file that plays',
        timeOffset,
      )
      .option('--to <time>', 'up to here, exclusive', timeOffset)
      .option('--channel <channel>', 'of that time one channel: caller, agent, mixed, or its number from 1')
      .requiredOption('--reason <text>', 'why; sealed beside the audit event', reason)
      .action((ref: CallRef, artifact: string, options: OpenOptions) => open(app, ref, artifact, options)),
    "callseal open demo/intake-0001 transcript --reason 'quality review'",
    "callseal open demo/intake-0001 audio --bytes 0-1023 -o head.wav --reason 'checking the header'",
    "callseal open demo/intake-0001 audio --from 0:20 --to 0:30.5 -o part.wav --reason 'a complaint'",
    "callseal open demo/intake-0001 audio --from 0:20 --to 0:30.5 --channel caller -o caller.wav --reason 'a complaint'",
  );
}

async function open(app: App, ref: CallRef, artifact: string, options: OpenOptions): Promise<void> {
  if (app.voice.json && options.out === '-') {
    throw new CallsealError('USAGE', '--json prints what was opened, so the plaintext needs a file: -o FILE');
  }
  if (options.out !== '-') await refuseTaken(options.out);
  if (options.from !== undefined || options.to !== undefined || options.channel !== undefined) {
    return await openTime(app, ref, artifact, options);
  }
  const request = {
    ...ref,
    artifact,
    reason: options.reason,
    ...(options.bytes && { range: options.bytes }),
  };
  const parts = { ...(await app.ports()), ...(await app.desk()) };
  const opened = await openArtifact(parts, request, app.signal);
  const bytes =
    options.out === '-' ? await toStdout(opened) : await writeNewFile(options.out, opened.plaintext);
  const { id, kind, plainBytes } = opened.artifact;
  const report = { ...ref, artifact: id, kind, bytes, of: plainBytes };
  if (app.voice.json) await app.voice.document(report, () => []);
  else if (options.out !== '-') app.voice.say(`${bytes} of ${plainBytes} bytes of ${id}, all authentic`);
}

/** A part of a recording by time; only the frames that hold it are fetched. */
async function openTime(app: App, ref: CallRef, artifact: string, options: OpenOptions): Promise<void> {
  const { from: fromMs, to: toMs, bytes: range, channel, out, reason: why } = options;
  if (fromMs === undefined || toMs === undefined || fromMs >= toMs || range !== undefined || out === '-') {
    throw new CallsealError(
      'USAGE',
      'a cut by time, or of one channel, needs --from TIME --to TIME, in this order, and -o FILE',
    );
  }
  const parts = { ...(await app.ports()), ...(await app.desk()) };
  const only = channel === undefined ? {} : { channel };
  const request = { ...ref, artifact, fromMs, toMs, ...only, reason: why };
  const made = await cutRecording(parts, request, app.signal);
  const bytes = await writeNewFile(out, [made.bytes]);
  const { openedBytes, scanned } = made;
  if (scanned) app.voice.say('the receipt has no index, so the whole recording was read');
  if (app.voice.json) {
    await app.voice.document(
      { ...ref, artifact, fromMs, toMs, ...only, bytes, openedBytes, scanned },
      () => [],
    );
  } else {
    app.voice.say(
      `${(toMs - fromMs) / 1000} s in ${bytes} bytes, out of ${openedBytes} of ${made.artifact.plainBytes}`,
    );
  }
}

async function toStdout({ artifact, plaintext }: OpenedArtifact): Promise<number> {
  if (process.stdout.isTTY && ruleOf(artifact.kind).shape !== 'json') {
    throw new CallsealError('USAGE', `${artifact.kind} is nothing for a terminal: -o FILE`);
  }
  let bytes = 0;
  for await (const chunk of plaintext) {
    bytes += chunk.length;
    if (!process.stdout.write(chunk)) await once(process.stdout, 'drain');
  }
  return bytes;
}
