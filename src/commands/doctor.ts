import type { Command } from 'commander';
import { CallsealError, EXIT } from '../domain/errors.ts';
import { bad, down, type Finding, type FindingStatus } from '../domain/findings.ts';
import type { App, Check, Probe } from './app.ts';
import { example } from './frame.ts';

/** `callseal doctor`: is this machine fit to run it, and with `--connect` everything that it depends on. */
export function registerDoctor(program: Command, app: App): void {
  example(
    program
      .command('doctor')
      .description('check this machine: Node.js, settings, data folder, key file, disk, clock')
      .option(
        '--connect',
        'look at every service of the settings too; exit 6 where one does not answer, 8 where one is set wrong',
      )
      .action(({ connect = false }: { connect?: boolean }) => (connect ? connected(app) : examine(app))),
    'callseal doctor --profile local',
    'callseal doctor --connect --profile production',
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

/** A finding and what it is about: `machine`, or a block of the settings. */
type Told = { readonly dependency: string } & Finding;

const STATUS: Readonly<Record<FindingStatus, string>> = { ok: 'ok', loud: 'WARN', bad: 'BAD', down: 'DOWN' };

async function connected(app: App): Promise<void> {
  const machine = (await allChecks(app)).map(ofMachine);
  const isConfigured = !machine.some(({ name, status }) => name === 'settings' && status === 'bad');
  const checks = [...machine, ...(isConfigured ? await lookAtAll(app) : [])];
  const exit = exitOfAll(checks);
  if (app.voice.json) await app.voice.document({ ok: exit === EXIT.ok, exit, checks }, () => []);
  else {
    await app.voice.table(checks, [
      { title: 'CHECK', of: titleOf },
      { title: '', of: ({ status }) => STATUS[status] },
      { title: 'FINDING', of: ({ finding }) => finding },
    ]);
  }
  for (const told of checks) if (told.hint !== undefined) app.voice.hint(`${titleOf(told)}: ${told.hint}`);
  app.exitWith(exit);
}

function ofMachine({ name, ok: isOk, finding, hint }: Check): Told {
  return {
    dependency: 'machine',
    name,
    status: isOk ? 'ok' : 'bad',
    finding,
    ...(!isOk && hint !== undefined && { hint }),
  };
}

function titleOf({ dependency, name }: Told): string {
  return dependency === 'machine' ? name : `${dependency} ${name}`;
}

/** What must be changed goes before what may come back by itself. */
function exitOfAll(checks: readonly Told[]): number {
  if (checks.some(({ status }) => status === 'bad')) return EXIT.badConfig;
  return checks.some(({ status }) => status === 'down') ? EXIT.unreachable : EXIT.ok;
}

/** Of one dependency; one that hangs keeps nobody from hearing of the others. */
const LOOK_WITHIN_MS = 120_000;

async function lookAtAll({ probes, signal, voice }: App): Promise<Told[]> {
  const all = await probes();
  const waiting = new Set(all.map(({ dependency }) => dependency));
  const looks = all.map(async (probe) => {
    const findings = await lookAt(probe, signal);
    waiting.delete(probe.dependency);
    if (waiting.size > 0) voice.progress(`looking at ${[...waiting].join(', ')}`);
    return findings.map((finding) => ({ dependency: probe.dependency, ...finding }));
  });
  return (await Promise.all(looks)).flat();
}

/** @throws the signal's reason; nothing else */
async function lookAt(probe: Probe, signal: AbortSignal): Promise<readonly Finding[]> {
  const patience = AbortSignal.timeout(LOOK_WITHIN_MS);
  try {
    // A client that does not hear the signal is left behind, too.
    return await Promise.race([probe.look(AbortSignal.any([signal, patience])), rejection(patience)]);
  } catch (error) {
    signal.throwIfAborted();
    if (patience.aborted) {
      return [
        down(
          'probe',
          `not done after ${LOOK_WITHIN_MS / 1000} s`,
          'see whether it is overloaded, and ask again',
        ),
      ];
    }
    if (error instanceof CallsealError) {
      return [bad('settings', error.message, error.hint ?? 'look at this block of the settings')];
    }
    const name = error instanceof Error ? error.name : typeof error;
    return [bad('probe', `failed in a way that is not known (${name})`, 'please report this')];
  }
}

async function rejection(signal: AbortSignal): Promise<never> {
  const { promise, reject } = Promise.withResolvers<never>();
  signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  return await promise;
}
