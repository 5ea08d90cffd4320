import { Gauge, type Registry } from 'prom-client';
import type { Metrics } from '../ports/metrics.ts';

/**
 * What the nightly reconciliation and the look at the audit relay came to. Absent until this process has run them:
 * of several workers one does, so look for the largest.
 */
export function reconcileMetrics(registry: Registry): Pick<Metrics, 'reconciled' | 'auditLag'> {
  const registers = [registry];
  const findings = new Gauge({
    name: 'callseal_reconcile_findings',
    help: 'Differences that the last reconciliation of this process found, by kind; 0 is said too',
    labelNames: ['code'],
    registers,
  });
  const compared = new Gauge({
    name: 'callseal_reconcile_compared',
    help: 'What the last reconciliation of this process compared',
    labelNames: ['what'],
    registers,
  });
  const plain = (name: string, help: string) => {
    const gauge = new Gauge({ name, help, registers });
    gauge.remove();
    return gauge;
  };
  const inFlight = plain('callseal_reconcile_in_flight', 'Events that were under way in that reconciliation');
  const at = plain('callseal_reconcile_last_timestamp_seconds', 'When it ended, as Unix time');
  const lag = plain(
    'callseal_audit_oldest_waiting_seconds',
    'Age of the oldest audit event that was not on the audit topic when a schedule of this process last looked',
  );
  return {
    reconciled: (report) => {
      for (const [code, count] of Object.entries(report.findings)) findings.set({ code }, count);
      for (const [what, count] of Object.entries(report.compared)) compared.set({ what }, count);
      inFlight.set(report.inFlight);
      at.set(report.endedAt.getTime() / 1000);
    },
    auditLag: (seconds) => lag.set(seconds),
  };
}
