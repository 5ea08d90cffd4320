import type { Command } from 'commander';
import type { App } from './app.ts';
import { registerDlqDiscard } from './dlq/discard.ts';
import { registerDlqExport } from './dlq/export.ts';
import { registerDlqLs } from './dlq/ls.ts';
import { registerDlqShow } from './dlq/show.ts';
import { registerDlqStats } from './dlq/stats.ts';
import { group } from './frame.ts';

/** `callseal dlq …`: what was parked, why, and what became of it. What a dead letter holds stays sealed. */
export function registerDlq(program: Command, app: App): void {
  const dlq = group(program, 'dlq', 'the dead letters');
  registerDlqLs(dlq, app);
  registerDlqStats(dlq, app);
  registerDlqShow(dlq, app);
  registerDlqExport(dlq, app);
  registerDlqDiscard(dlq, app);
}
