import type { Command } from 'commander';
import type { App } from '../app.ts';
import { group } from '../frame.ts';
import { registerApply } from './apply.ts';
import { registerControl } from './control.ts';
import { registerPlan } from './plan.ts';
import { registerStatus } from './status.ts';

/** `callseal replay …`: dead letters back in front of the pipeline (docs/replay.md). */
export function registerReplay(program: Command, app: App): void {
  const replay = group(program, 'replay', 'put dead letters back in front of the pipeline');
  registerPlan(replay, app);
  registerApply(replay, app);
  registerStatus(replay, app);
  registerControl(replay, app);
}
