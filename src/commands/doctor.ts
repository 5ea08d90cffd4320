import type { Command } from 'commander';
import { CallsealError, EXIT } from '../domain/errors.ts';
import type { App, Check } from './app.ts';
import { example } from './frame.ts';

/** `callseal doctor`: is this machine fit to run it, before anything is opened. */
export function registerDoctor(program: Command, app: App): void {
  example(
    program
      .command('doctor')
      .description('check this machine: Node.js, settings, data folder, key file, disk, clock')
      .action(() => examine(app)),
    'callseal doctor --profile local',
  );
}

async function examine(app: App): Promise<void> {
  const checks = await allChecks(app);
  const failed = checks.filter(({ ok }) => !ok);
  await app.voice.table(checks, [
    { title: 'CHECK', of: ({ name }) => name },
    { title: '', of: ({ ok }) => (ok ? 'ok' : 'BAD') },
    { title: 'FINDING', of: ({ finding }) => finding },
  ]);
  for (const { hint } of failed) if (hint !== undefined) app.voice.hint(hint);
  if (failed.length > 0) app.exitWith(EXIT.badConfig);
}

async function allChecks({ settings, checks }: App): Promise<readonly Check[]> {
  try {
    const { settings: good, files } = await settings();
    return [
      { name: 'settings', ok: true, finding: `profile ${good.profile} (${files.join(', ')})` },
      ...(await checks()),
    ];
  } catch (error) {
    if (!(error instanceof CallsealError) || error.code !== 'BAD_CONFIG') throw error;
    return error.message.split('\n').map((finding) => ({ name: 'settings', ok: false, finding }));
  }
}
