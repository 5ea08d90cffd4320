import { readFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { parseArgs } from 'node:util';
import { certificateFiles } from './config/certificate-files.ts';
import { splitHostPort } from './config/endpoints.ts';
import { type LoadedSettings, loadSettings } from './config/load-settings.ts';
import { inboxTopics } from './config/tenant-settings.ts';
import { exitCodeOf } from './ops/exit-code.ts';
import { startProblems } from './ops/hardening.ts';
import type { Listeners } from './ops/http-listeners.ts';
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
    const listeners = await listenersOf(loaded, signal);
    try {
      await runWorker(loaded, listeners, signal);
    } finally {
      await listeners?.close();
    }
    return 0;
  } catch (error) {
    first.error('worker ended', { error });
    return exitCodeOf(error);
  }
}

async function runWorker(
  loaded: LoadedSettings,
  listeners: Listeners | undefined,
  signal: AbortSignal,
): Promise<void> {
  const { settings } = loaded;
  const chosen = createLog(settings.ops.log, process.stderr);
  const { version } = product;
  const { open } = await import('./compose.ts');
  const worker = await open(loaded, {
    version,
    ticket: undefined,
    actor: { kind: 'worker', id: hostname() },
    onKeyFileCreated: () => chosen.warn('made a key file: back it up elsewhere'),
    onTrouble: (sentence) => chosen.error(sentence),
    ...(listeners && { metrics: listeners.metrics }),
  });
  listeners?.opened(worker.ports);
  chosen.info('worker started', { profile: settings.profile, version });
  try {
    await worker.runWorker({ untilIdle: false }, logObserver(chosen), signal);
  } catch (error) {
    listeners?.failed();
    throw error;
  } finally {
    await worker.close();
  }
  chosen.info('worker stopped');
}

/** Before anything that may take long: whoever asks hears that it is starting. undefined: nobody may ask. */
async function listenersOf(
  { settings }: LoadedSettings,
  stopping: AbortSignal,
): Promise<Listeners | undefined> {
  const { probes, admin, tls } = settings.ops;
  if (probes === null && admin === null) return undefined;
  const { openListeners } = await import('./ops/http-listeners.ts');
  return await openListeners({
    version: product.version,
    profile: settings.profile,
    topics: inboxTopics(settings),
    probes: probes === null ? undefined : splitHostPort(probes),
    admin: admin === null ? undefined : splitHostPort(admin),
    tls,
    certificates: certificateFiles(settings),
    stopping,
  });
}
