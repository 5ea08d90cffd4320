import { mkdtemp, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type LoadedSettings, loadSettings, type SettingsRequest } from '../../src/config/load-settings.ts';
import { CallsealError } from '../../src/domain/errors.ts';

/** Loads a profile with `overlay` (YAML) on top, as `--config` gives it, in a working folder of its own. */
export async function load(
  profile: string,
  overlay = '',
  request: Partial<SettingsRequest> = {},
): Promise<LoadedSettings> {
  const folder = await mkdtemp(join(tmpdir(), 'callseal-settings-'));
  await writeFile(join(folder, 'overlay.yaml'), overlay);
  return await loadSettings({ profile, file: 'overlay.yaml', environment: {}, folder, ...request });
}

/** The sentences that refuse these settings, one a line; none where they are accepted. */
export async function refusals(...given: Parameters<typeof load>): Promise<string[]> {
  try {
    await load(...given);
    return [];
  } catch (error) {
    if (error instanceof CallsealError && error.code === 'BAD_CONFIG') return error.message.split('\n');
    throw error;
  }
}
