import { readFile } from 'node:fs/promises';
import { enableCompileCache } from 'node:module';
import { userInfo } from 'node:os';
import { fileURLToPath } from 'node:url';
import type { OpenRequest } from './commands/run-command.ts';

// Before anything of ours is loaded, hence the dynamic imports. Below node_modules and not in the shared temporary
// folder, where another user could have put code for us to run.
enableCompileCache(fileURLToPath(new URL('../node_modules/.cache/callseal', import.meta.url)));

const [{ runCommand }, { startProblems }, { machineChecks }, { stopSignals }] = await Promise.all([
  import('./commands/run-command.ts'),
  import('./ops/hardening.ts'),
  import('./ops/machine-checks.ts'),
  import('./ops/signals.ts'),
]);

// A reader that has seen enough (`| head`) closes the pipe: that is no failure of ours.
process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1));

const { signal } = stopSignals(process, () =>
  process.stderr.write('callseal: stopping; again to leave at once\n'),
);
const product: { version: string } = JSON.parse(
  await readFile(new URL('../package.json', import.meta.url), 'utf8'),
);

process.exitCode = await runCommand(process.argv.slice(2), {
  version: product.version,
  stdout: process.stdout,
  stderr: process.stderr,
  environment: process.env,
  folder: process.cwd(),
  signal,
  startProblems: () => startProblems({ environment: process.env, options: process.execArgv }),
  checks: machineChecks,
  probes: async ({ settings }) => (await import('./compose/probes.ts')).probesOf(settings),
  registryDesk: async (loaded, { ticket }, login) => {
    const { openRegistryDesk } = await import('./compose.ts');
    return await openRegistryDesk(loaded, { version: product.version, actor: operator(), ticket }, login);
  },
  restoreDesk: async (loaded, request) => {
    const { openRestoreDesk } = await import('./compose/restore.ts');
    return await openRestoreDesk(loaded, factsOf(request));
  },
  skipDesk: async (loaded, request) => {
    const { openSkipDesk } = await import('./compose/skip.ts');
    return await openSkipDesk(loaded, factsOf(request));
  },
  topicDesk: async (loaded, principals) => {
    const { openTopicDesk } = await import('./compose.ts');
    return await openTopicDesk(loaded, principals);
  },
  open: async (loaded, request) => {
    const { open } = await import('./compose.ts');
    return await open(loaded, factsOf(request));
  },
});

function factsOf({ ticket, say }: OpenRequest) {
  const onKeyFileCreated = (path: string): void =>
    say(`made the key file ${path}: back it up somewhere else, without it nothing here opens again`);
  return { version: product.version, actor: operator(), ticket, onKeyFileCreated };
}

function operator(): { kind: 'operator'; id: string } {
  return { kind: 'operator', id: operatorName() };
}

function operatorName(): string {
  try {
    return userInfo().username;
  } catch {
    return `uid-${process.getuid?.() ?? 'unknown'}`; // a container's user without a name
  }
}
