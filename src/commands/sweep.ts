import type { Command } from 'commander';
import { EXIT } from '../domain/errors.ts';
import { refuseRestored } from '../work/registry-restored.ts';
import { SWEEP_TIMES, sweep } from '../work/sweep.ts';
import type { App } from './app.ts';
import { example } from './frame.ts';

/** `callseal sweep`: clears up behind attempts that ended without a receipt. */
export function registerSweep(program: Command, app: App): void {
  example(
    program
      .command('sweep')
      .description('delete what attempts without a receipt left behind, after 7 days of grace; audited')
      .option('--dry-run', 'only say what would be deleted')
      .action((options: { dryRun?: boolean }) => sweepNow(app, options.dryRun ?? false)),
    'callseal sweep --dry-run',
  );
}

async function sweepNow(app: App, dryRun: boolean): Promise<void> {
  const { registry, objects, events } = await app.ports();
  const { auditor } = await app.desk();
  await refuseRestored({ registry, objects, events, auditor }, app.signal);
  const report = await sweep({ registry, objects, auditor, times: SWEEP_TIMES }, dryRun, app.signal);
  await app.voice.document({ dryRun, ...report }, () => [
    `attempts  ${report.abandoned} abandoned, ${report.attempts} looked at, ${report.swept} swept`,
    `intents   ${report.intentsClosed} closed as unknown`,
    `objects   ${report.deleted.length} ${dryRun ? 'would be deleted' : 'deleted'}, ${report.left.length} still there`,
    `unknown   ${report.unknown.length} objects of attempts that this registry does not know`,
    ...report.unknown.map((name) => `          ${name}`),
  ]);
  if (report.left.length > 0) app.exitWith(EXIT.partial);
}
