import type { Health, Reason } from './health.ts';
import { json, type Page, type Route } from './http-server.ts';

/** What an orchestrator asks: 200 or 503, and why in codes. */
export function healthRoutes(health: () => Health): Readonly<Record<string, Route>> {
  return {
    '/livez': () => healthPage(health().live),
    '/readyz': () => healthPage(health().ready),
    '/startupz': () => healthPage(health().started),
  };
}

function healthPage(reasons: readonly Reason[]): Page {
  return json(reasons.length === 0 ? 200 : 503, { ok: reasons.length === 0, reasons });
}
