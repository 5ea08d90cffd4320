import { readFile } from 'node:fs/promises';
import { CallsealError } from '../domain/errors.ts';
import type { Metrics, Paused } from '../ports/metrics.ts';
import { certificateEnds } from './certificate-ends.ts';
import { type Closable, closeAll } from './closing.ts';
import { type Health, judgeHealth, type Phase } from './health.ts';
import { healthRoutes } from './health-routes.ts';
import { json, listen, type MutualTls, type Page, type Route } from './http-server.ts';
import { type PromMetrics, promMetrics } from './metrics.ts';
import { STATUS_CSS, statusPage } from './status-page.ts';
import { pausedLine, type Status, type StatusReads, statusReader } from './status-page-facts.ts';

interface Address {
  readonly host: string;
  readonly port: number;
}

export interface ListenersOptions {
  readonly version: string;
  readonly profile: string;
  /** Inbox topics of the settings. */
  readonly topics: readonly string[];
  /** undefined: nobody asked for that listener. */
  readonly probes: Address | undefined;
  readonly admin: Address | undefined;
  /** Paths of PEM files; the admin address then speaks mutual TLS and nothing else. */
  readonly tls: MutualTls | undefined;
  /** Paths of certificate files by the setting that names them: when each ends is a metric. */
  readonly certificates: Readonly<Record<string, string>>;
  /** Aborted once the process was told to stop; what is in hand is finished then. */
  readonly stopping: AbortSignal;
}

/** How the world looks into one worker process: probes, metrics, status. */
export interface Listeners {
  readonly metrics: Metrics;
  /** TCP ports, where the listener was asked for. */
  readonly listening: { readonly probes: number | undefined; readonly admin: number | undefined };
  /** The ports are open: status may read from them. */
  opened(reads: StatusReads): void;
  /** The worker is over and nobody stopped it: the process only closes what it opened. */
  failed(): void;
  /** Last of all: until then the process answers for itself. @throws AggregateError */
  close(): Promise<void>;
}

/**
 * Opens what the settings ask for, before anything that may take long or fail.
 *
 * @throws CallsealError BAD_CONFIG - an address is taken, or a TLS file cannot be read
 */
export async function openListeners(options: ListenersOptions): Promise<Listeners> {
  const seen = observedWorker(options);
  const opened: Closable[] = [];
  const close = async (): Promise<void> => await closeAll(opened, CLOSE_WITHIN_MS);
  const start = async (name: string, at: Address | undefined, more: Served) => {
    if (!at) return undefined;
    const server = await listen({ name, ...at, ...more });
    opened.push(server);
    return server.port;
  };
  try {
    const tls = options.admin && options.tls && (await pemTexts(options.tls));
    const routes = adminRoutes(seen.metrics, seen.status);
    const listening = {
      probes: await start('ops.probes', options.probes, { routes: healthRoutes(seen.health) }),
      admin: await start('ops.admin', options.admin, { routes, tls, onlyLoopbackNames: !tls }),
    };
    return { metrics: seen.metrics, listening, opened: seen.opened, failed: seen.failed, close };
  } catch (error) {
    await close().catch(() => undefined);
    throw error;
  }
}

const CLOSE_WITHIN_MS = 5_000;

interface Served {
  readonly routes: Readonly<Record<string, Route>>;
  readonly tls?: MutualTls | undefined;
  readonly onlyLoopbackNames?: boolean;
}

/** The worker's phase and numbers, as far as they are known yet. */
function observedWorker({ version, profile, topics, certificates, stopping }: ListenersOptions) {
  const now = (): number => Date.now();
  const reader = statusReader(now);
  const oldestSeconds = async (): Promise<number | undefined> => {
    const inbox = await reader.inbox();
    return 'unreadable' in inbox ? undefined : inbox.oldestSeconds;
  };
  const metrics = promMetrics({
    version,
    topics,
    oldestSeconds,
    auditWaiting: reader.auditWaiting,
    certificateEnds: async () => await certificateEnds(certificates),
  });
  const paused = (): readonly Paused[] => metrics.view()?.paused() ?? [];
  let hasFailed = false;
  const phase = (): Phase => {
    if (hasFailed) return 'ended';
    if (stopping.aborted) return 'stopping';
    return metrics.view() ? 'working' : 'starting';
  };
  const health = (): Health =>
    judgeHealth({
      phase: phase(),
      inHand: metrics.inflightCalls(),
      sinceMovedMs: metrics.sinceMovedMs(),
      pausedForAll: paused().flatMap(({ tenant, code }) => (tenant === undefined ? [code] : [])),
    });
  const status = async (): Promise<Status> => {
    const [inbox, parked] = await Promise.all([reader.inbox(), reader.parked()]);
    return {
      version,
      profile,
      at: new Date(now()).toISOString(),
      phase: phase(),
      health: health(),
      inFlight: { calls: metrics.inflightCalls(), bytes: metrics.view()?.inflightBytes() ?? 0 },
      paused: paused().map(pausedLine),
      inbox,
      parked,
    };
  };
  const failed = (): void => {
    hasFailed = true;
  };
  return { metrics, health, status, opened: reader.opened, failed };
}

function adminRoutes(metrics: PromMetrics, status: () => Promise<Status>): Readonly<Record<string, Route>> {
  const page = (type: string, body: string): Page => ({ status: 200, type, body });
  return {
    '/': async () => page('text/html; charset=utf-8', statusPage(await status())),
    '/status.css': () => page('text/css; charset=utf-8', STATUS_CSS),
    '/status': async () => json(200, await status()),
    '/metrics': async () => page(metrics.contentType, await metrics.text()),
  };
}

async function pemTexts(paths: MutualTls): Promise<MutualTls> {
  const read = async (setting: keyof MutualTls): Promise<string> => {
    try {
      return await readFile(paths[setting], 'utf8');
    } catch (cause) {
      throw new CallsealError('BAD_CONFIG', `ops.tls.${setting} names a file that cannot be read`, { cause });
    }
  };
  return { ca: await read('ca'), cert: await read('cert'), key: await read('key') };
}
