import { readFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { parseArgs } from 'node:util';
import { loadSettings } from './config/load-settings.ts';
import { exitCodeOf } from './ops/exit-code.ts';
import { startProblems } from './ops/hardening.ts';
import { createLog, type Log } from './ops/log.ts';
import { logObserver } from './ops/log-observer.ts';
import { stopSignals } from './ops/signals.ts';

/** The worker process. It has no default profile: one that guesses where to put calls would be a silent fallback. */
const product: { version: string } = JSON.parse(
  await readFile(new URL('../package.json', import.meta.url), 'utf8'),
);
const log = createLog('info', process.stderr);
process.exitCode = await run(log);

async function run(first: Log): Promise<number> {
  const { signal } = stopSignals(process, () => first.info('stopping'));
  try {
    const { values } = parseArgs({
      options: { profile: { type: 'string' }, config: { type: 'string' } },
      strict: true,
    });
    const loaded = await loadSettings({
      profile: values.profile,
      file: values.config,
      environment: process.env,
      folder: process.cwd(),
      alsoWrong: startProblems({ environment: process.env, options: process.execArgv }),
    });
    const { settings } = loaded;
    const chosen = createLog(settings.ops.log, process.stderr);
    const { version } = product;
    const { open } = await import('./compose.ts');
    const worker = await open(loaded, {
      version,
      ticket: undefined,
      actor: { kind: 'worker', id: hostname() },
      onKeyFileCreated: () => chosen.warn('made a key file: back it up elsewhere'),
    });
    chosen.info('worker started', { profile: settings.profile, version });
    try {
      await worker.runWorker({ untilIdle: false }, logObserver(chosen), signal);
    } finally {
      await worker.close();
    }
    chosen.info('worker stopped');
    return 0;
  } catch (error) {
    first.error('worker ended', { error });
    return exitCodeOf(error);
  }
}
