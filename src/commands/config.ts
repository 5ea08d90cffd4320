import type { Command } from 'commander';
import { printedSettings } from '../config/printed-settings.ts';
import type { App } from './app.ts';
import { example, group } from './frame.ts';

/** `callseal config print|check`: what is in force and where each value comes from. */
export function registerConfig(program: Command, app: App): void {
  const config = group(program, 'config', 'the settings in force');
  example(
    config
      .command('print')
      .description('print every setting, its value and where it comes from')
      .action(() => printConfig(app)),
    'callseal config print --profile local',
  );
  example(
    config
      .command('check')
      .description('say everything that is wrong with the settings, without opening anything')
      .action(() => checkConfig(app)),
    'callseal config check --config /etc/callseal.yaml',
  );
}

async function printConfig({ settings, voice }: App): Promise<void> {
  await voice.table(printedSettings(await settings()), [
    { title: 'SETTING', of: ({ setting }) => setting },
    { title: 'VALUE', of: ({ text }) => text },
    { title: 'FROM', of: ({ origin }) => origin },
  ]);
}

async function checkConfig({ settings, voice }: App): Promise<void> {
  const { settings: checked, files } = await settings();
  const report = { profile: checked.profile, files, ok: true };
  await voice.document(report, () => [
    `the settings of profile ${checked.profile} are good (${files.join(', ')})`,
  ]);
}
