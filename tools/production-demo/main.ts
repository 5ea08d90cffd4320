// The demo of profile production: `make up && make demo PROFILE=production`.
// usage: node tools/production-demo/main.ts [--keep | --remove demo-NNNNNN]
//
// It runs on what `scripts/services up` started, under names that nobody else has, and removes them at the end.
// Exit codes: those of callseal (docs/cli.md).
import { relative } from 'node:path';
import { parseArgs } from 'node:util';
import { EXIT } from '../../src/domain/errors.ts';
import { type ServiceName, servicesEnv, whichAreDown } from '../../test/services/env.ts';
import {
  type Deployment,
  deploymentOf,
  freshName,
  isName,
  removeDeployment,
  settingsFile,
} from './deployment.ts';
import { tellStory } from './story.ts';

const NEEDED: readonly ServiceName[] = ['kafka', 's3', 'kms', 'postgres', 'redis'];

const stop = new AbortController();
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => stop.abort());
process.exitCode = await main().catch((error: unknown) => {
  if (stop.signal.aborted) return EXIT.interrupted;
  fail(error instanceof Error ? error.message : String(error));
  return EXIT.unexpected;
});

async function main(): Promise<number> {
  const { values } = parseArgs({ options: { keep: { type: 'boolean' }, remove: { type: 'string' } } });
  if (values.remove !== undefined && !isName(values.remove)) {
    fail(`a demo is named as in demo-1a2b3c, not ${JSON.stringify(values.remove)}`);
    return EXIT.usage;
  }
  const down = await whichAreDown(...NEEDED);
  if (down.length > 0) {
    fail(`the demo of profile production needs real services, and there is no ${down.join(', ')} here`);
    say('hint: make up');
    return EXIT.unreachable;
  }
  if (values.remove === undefined) await show(values.keep ?? false);
  else await removeDeployment(deploymentOf(servicesEnv(), values.remove));
  return EXIT.ok;
}

async function show(keep: boolean): Promise<void> {
  const deployment = deploymentOf(servicesEnv(), freshName());
  let isKept = false;
  try {
    await tellStory(deployment, stop.signal);
    isKept = keep;
  } finally {
    if (!isKept) await removeDeployment(deployment);
  }
  sayWhatNext(deployment, isKept);
}

function sayWhatNext(deployment: Deployment, isKept: boolean): void {
  if (!isKept) {
    say('everything that it made is removed; try next:');
    say('  make demo PROFILE=production KEEP=1');
    return;
  }
  const { prefix } = deployment;
  const typed = `bin/callseal --profile production --config ${relative('.', settingsFile(deployment, 'operator'))}`;
  say('everything is kept, and no worker runs; try next:');
  say(`  ${typed} show t-42/intake-0001`);
  say(`  ${typed} doctor --connect`);
  say(`  sh tools/node/use.sh node tools/production-demo/main.ts --remove ${prefix}`);
}

function say(message: string): void {
  process.stderr.write(`callseal: ${message}\n`);
}

function fail(message: string): void {
  say(`error: ${message}`);
}
