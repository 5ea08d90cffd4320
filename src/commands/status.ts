import type { Command } from 'commander';
import type { IntakePause, ParkedGroup } from '../ports/parked.ts';
import { ageText } from './age.ts';
import type { App } from './app.ts';
import { example } from './frame.ts';

/** `callseal status`: what waits, what is parked and why, who is paused, how far the audit chain is. */
export function registerStatus(program: Command, app: App): void {
  example(
    program
      .command('status')
      .description('show what waits, what is parked and why, who is paused, and how far the audit chain is')
      .action(() => showStatus(app)),
    'callseal status --json',
  );
}

async function showStatus(app: App): Promise<void> {
  const status = await statusOf(app);
  const { inbox, audit, registry } = status;
  await app.voice.document(status, () => [
    `profile   ${status.profile}`,
    `inbox     ${inbox.waiting} waiting, ${inbox.due} due${inbox.oldestAt ? `, oldest from ${inbox.oldestAt}` : ''}`,
    ...parkedLines(status.parked),
    ...status.paused.map(pauseLine),
    `audit     ${registry.auditSeq} chained, ${audit.unsequenced} not yet, ${audit.unpublished} unpublished`,
    `registry  epoch ${registry.epoch}${registry.wentBack ? ', WENT BACK: a restore was noticed and not accepted' : ''}`,
  ]);
}

async function statusOf({ settings, ports, signal }: App) {
  const { inbox, registry } = await ports();
  const now = Date.now();
  const groups = await registry.parkedGroups(
    { state: 'waiting' },
    { by: 'code', newSince: new Date(now).toISOString() },
    signal,
  );
  return {
    profile: (await settings()).settings.profile,
    inbox: await inbox.backlog(signal),
    parked: parkedOf(groups, now),
    paused: await registry.intakePauses(signal),
    audit: await registry.pending(signal),
    registry: await registry.state(signal),
  };
}

interface Parked {
  readonly count: number;
  readonly causes: readonly {
    readonly code: string;
    readonly count: number;
    readonly oldestAt: string;
    readonly oldestAgeMs: number;
    readonly newestAt: string;
  }[];
}

function parkedOf(groups: readonly ParkedGroup[], now: number): Parked {
  return {
    count: groups.reduce((sum, { count }) => sum + count, 0),
    causes: groups.map(({ value = '-', count, oldestAt, newestAt }) => ({
      code: value,
      count,
      oldestAt,
      oldestAgeMs: Math.max(0, now - Date.parse(oldestAt)),
      newestAt,
    })),
  };
}

function* parkedLines({ count, causes }: Parked): Generator<string> {
  yield `parked    ${count}`;
  for (const { code, count: some, oldestAgeMs } of causes) {
    yield `          ${some} ${code}, the oldest ${ageText(oldestAgeMs)} old`;
  }
}

function pauseLine({ tenant, at, by, ticket }: IntakePause): string {
  return `paused    ${tenant} since ${at}, by ${by}: ${ticket}`;
}
