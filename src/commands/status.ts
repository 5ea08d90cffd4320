import type { Command } from 'commander';
import type { App } from './app.ts';
import { example } from './frame.ts';

/** Parked answers are counted up to here; more are "at least". */
const COUNTED = 1000;

/** `callseal status`: what waits, what is parked, how far the audit chain is. */
export function registerStatus(program: Command, app: App): void {
  example(
    program
      .command('status')
      .description('show what waits, what is parked and how far the audit chain is')
      .action(() => showStatus(app)),
    'callseal status --json',
  );
}

async function showStatus(app: App): Promise<void> {
  const status = await statusOf(app);
  const { inbox, audit, registry, parked } = status;
  await app.voice.document(status, () => [
    `profile   ${status.profile}`,
    `inbox     ${inbox.waiting} waiting, ${inbox.due} due${inbox.oldestAt ? `, oldest from ${inbox.oldestAt}` : ''}`,
    `parked    ${parked.count}${parked.count === COUNTED ? ' or more' : ''}${parked.lastAt ? `, last at ${parked.lastAt}` : ''}`,
    `audit     ${registry.auditSeq} chained, ${audit.unsequenced} not yet, ${audit.unpublished} unpublished`,
    `registry  epoch ${registry.epoch}${registry.wentBack ? ', WENT BACK: a restore was noticed and not accepted' : ''}`,
  ]);
}

async function statusOf({ settings, ports, signal }: App) {
  const { inbox, registry } = await ports();
  const parked = await registry.answers({ answer: 'parked', limit: COUNTED }, signal);
  return {
    profile: (await settings()).settings.profile,
    inbox: await inbox.backlog(signal),
    parked: { count: parked.length, lastAt: parked[0]?.decidedAt },
    audit: await registry.pending(signal),
    registry: await registry.state(signal),
  };
}
