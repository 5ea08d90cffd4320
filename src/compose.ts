import type { Opened } from './commands/app.ts';
import type { LoadedSettings } from './config/load-settings.ts';
import { CallsealError } from './domain/errors.ts';

/** The composition root: opens the adapters that the settings name. */
export async function open({ settings }: LoadedSettings, _signal: AbortSignal): Promise<Opened> {
  throw new CallsealError('BAD_CONFIG', `nothing is composed for profile ${settings.profile}`);
}
