import type { Command } from 'commander';
import type { Action } from '../domain/audit-event.ts';
import { CallsealError, EXIT } from '../domain/errors.ts';
import type { IntakePause } from '../ports/parked.ts';
import { PAUSES_EVERY_MS } from '../work/intake-pauses.ts';
import type { App } from './app.ts';
import { example, group } from './frame.ts';
import type { Column } from './voice.ts';
import { id } from './words.ts';

interface TenantOption {
  readonly tenant: string;
}

const COLUMNS: readonly Column<IntakePause>[] = [
  { title: 'TENANT', of: ({ tenant }) => tenant },
  { title: 'PAUSED AT', of: ({ at }) => at },
  { title: 'BY', of: ({ by }) => by },
  { title: 'TICKET', of: ({ ticket }) => ticket },
];

/** `callseal intake pause|resume|ls`: an operator's pause of one tenant; nothing is parked or lost meanwhile. */
export function registerIntake(program: Command, app: App): void {
  const intake = group(program, 'intake', "an operator's pause of a tenant");
  example(
    intake
      .command('pause')
      .description('let deliveries of a tenant wait until somebody resumes it; needs --ticket, audited')
      .requiredOption('--tenant <id>', 'whose', id)
      .action((options: TenantOption) => change(app, 'pause', options)),
    'callseal intake pause --tenant demo --ticket OPS-1',
  );
  example(
    intake
      .command('resume')
      .description('let deliveries of a paused tenant go on; needs --ticket, audited')
      .requiredOption('--tenant <id>', 'whose', id)
      .action((options: TenantOption) => change(app, 'resume', options)),
    'callseal intake resume --tenant demo --ticket OPS-1',
  );
  example(
    intake
      .command('ls')
      .description('list the tenants that operators have paused, the longest first')
      .action(() => listPauses(app)),
    'callseal intake ls',
  );
}

async function change(app: App, what: 'pause' | 'resume', { tenant }: TenantOption): Promise<void> {
  if (app.ticket === undefined) {
    throw new CallsealError('USAGE', 'this needs --ticket: the audit event and the pause carry it');
  }
  const { registry } = await app.ports();
  const { auditor, tenants } = await app.desk();
  const action: Action = `intake.${what}`;
  if (what === 'pause' && (await tenants.find(tenant)) === undefined) {
    throw new CallsealError('NOT_FOUND', `there is no tenant ${tenant}`);
  }
  const fact = auditor.fact(action, { tenant });
  const changed =
    what === 'pause'
      ? await registry.pauseIntake(tenant, fact, app.signal)
      : await registry.resumeIntake(tenant, fact, app.signal);
  await app.voice.document({ tenant, paused: what === 'pause', changed }, () => [
    changed ? `${what}d ${tenant}` : `${tenant} was ${what === 'pause' ? 'paused before' : 'not paused'}`,
  ]);
  if (changed) app.voice.say(`every worker knows within ${PAUSES_EVERY_MS / 1000} s`);
  else if (what === 'resume') app.exitWith(EXIT.notFound);
}

async function listPauses(app: App): Promise<void> {
  const { registry } = await app.ports();
  const pauses = await registry.intakePauses(app.signal);
  await app.voice.table(pauses, COLUMNS);
  if (pauses.length === 0) app.voice.say('no tenant is paused by an operator');
}
