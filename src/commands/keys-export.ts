import { type Command, Option } from 'commander';
import { KEY_CLASSES, type KeyClass } from '../domain/artifacts.ts';
import { CallsealError } from '../domain/errors.ts';
import { exportKey } from '../work/export-key.ts';
import type { App } from './app.ts';
import { example, group } from './frame.ts';
import { refuseTaken, writeNewFile } from './new-file.ts';
import { type CallRef, callRef, id, reason } from './words.ts';

interface ExportOptions {
  readonly class: KeyClass;
  readonly key?: string;
  readonly out: string;
  readonly reason: string;
}

/** `callseal keys export`: a call key as 32 raw bytes in a new file, for the stock libraries. */
export function registerKeysExport(program: Command, app: App): void {
  example(
    group(program, 'keys', 'call keys')
      .command('export')
      .description('write a call key to a new file, for a reader without callseal; listed in `show` for ever')
      .argument('<tenant/call>', 'the call', callRef)
      .addOption(new Option('--class <class>', 'key class').choices(KEY_CLASSES).makeOptionMandatory())
      .option('--key <name>', 'which one, where the call hangs on several', id)
      .requiredOption('-o, --out <file>', 'a new file; never a terminal')
      .requiredOption('--reason <text>', 'why; sealed beside the audit event', reason)
      .action((ref: CallRef, options: ExportOptions) => writeKey(app, ref, options)),
    "callseal keys export demo/intake-0001 --class phi -o call.key --reason 'handing over to the archive'",
  );
}

async function writeKey(app: App, ref: CallRef, options: ExportOptions): Promise<void> {
  if (options.out === '-' || options.out.startsWith('/dev/')) {
    throw new CallsealError('USAGE', 'a key goes to a new file only: -o FILE');
  }
  await refuseTaken(options.out); // before the export is made, and listed for ever
  const parts = { ...(await app.ports()), ...(await app.desk()) };
  const { class: keyClass, key, reason: why } = options;
  const request = { ...ref, keyClass, reason: why, ...(key !== undefined && { keyName: key }) };
  const { namespace, keyName, callKey } = await exportKey(parts, request, app.signal);
  const bytes = callKey.export();
  try {
    await writeNewFile(options.out, once(bytes));
  } finally {
    bytes.fill(0);
  }
  await app.voice.document({ namespace, keyName, file: options.out }, () => [
    `namespace ${namespace}`,
    `key name  ${keyName}`,
  ]);
}

// oxlint-disable-next-line require-await -- a file is written from chunks that may have to be waited for
async function* once(bytes: Buffer): AsyncGenerator<Buffer, void, void> {
  yield bytes;
}
