import type { Command } from 'commander';
import { EXIT } from '../domain/errors.ts';
import type { RegistryFinding } from '../ports/registry-admin.ts';
import type { App, Login } from './app.ts';
import { example, group } from './frame.ts';
import { registerRegistryRestore } from './registry-restore.ts';

/** `callseal registry …`: the registry as a database server, and one of any kind that was put back. */
export function registerRegistry(program: Command, app: App): void {
  const registry = group(program, 'registry', 'the registry: its database, and a restore of it');
  example(
    withLogin(registry.command('migrate'))
      .description('bring tables, row-level security and rights to this version; audited, safe to repeat')
      .action((login: Login) => migrate(app, login)),
    'callseal registry migrate --profile production --user callseal_owner --password-file /run/secrets/pg-owner',
  );
  example(
    withLogin(registry.command('check'))
      .description('look at version, roles, row-level security, rights, TLS and durability of the database')
      .action((login: Login) => check(app, login)),
    'callseal registry check --profile production',
  );
  registerRegistryRestore(registry, app);
}

function withLogin(command: Command): Command {
  return command
    .option('--user <name>', 'role to log in as (default: registry.user)')
    .option('--password-file <path>', 'file that holds its password, nothing else');
}

async function migrate({ registryDesk, signal, voice }: App, login: Login): Promise<void> {
  const { admin, auditor } = await registryDesk(login);
  try {
    const { from, to } = await admin.migrate(auditor.fact('registry.migrate', {}), signal);
    const tables = from === to ? `tables were of version ${to}` : `tables from version ${from} to ${to}`;
    await voice.document({ from, to }, () => [`${tables}; row-level security and rights are set`]);
  } finally {
    await admin.close();
  }
}

async function check({ registryDesk, signal, voice, exitWith }: App, login: Login): Promise<void> {
  const { admin } = await registryDesk(login);
  try {
    const findings = await admin.check(signal);
    await voice.table(findings, [
      { title: 'CHECK', of: ({ name }) => name },
      { title: '', of: ({ status }) => STATUS[status] },
      { title: 'FINDING', of: ({ finding }) => finding },
    ]);
    for (const { hint } of findings) if (hint !== undefined) voice.hint(hint);
    if (findings.some(({ status }) => status === 'bad')) exitWith(EXIT.badConfig);
  } finally {
    await admin.close();
  }
}

const STATUS: Readonly<Record<RegistryFinding['status'], string>> = { ok: 'ok', loud: 'WARN', bad: 'BAD' };
