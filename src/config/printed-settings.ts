import type { LoadedSettings } from './load-settings.ts';
import { keysFor, pathText } from './setting-keys.ts';
import { bytesText, durationText } from './units.ts';

/** A row of `config print`. Secrets stand in files, so there is none to print; a file's name is no secret. */
export interface PrintedSetting {
  readonly setting: string;
  /** As the code has it: bytes, milliseconds, absolute paths. */
  readonly value: unknown;
  /** As the settings file would say it. */
  readonly text: string;
  readonly origin: string;
}

export function printedSettings({ leaves }: LoadedSettings): PrintedSetting[] {
  return leaves.map(({ path, value, origin }) => ({
    setting: pathText(path),
    value,
    text: settingText(path, value),
    origin,
  }));
}

function settingText(path: readonly string[], value: unknown): string {
  const unit = keysFor(path).find((key) => key.unit)?.unit;
  if (typeof value === 'number' && unit !== undefined)
    return unit === 'size' ? bytesText(value) : durationText(value);
  return typeof value === 'string' ? value : JSON.stringify(value);
}
