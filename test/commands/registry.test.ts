import { describe, expect, test } from 'vitest';
import type { RegistryDesk } from '../../src/commands/app.ts';
import { CallsealError } from '../../src/domain/errors.ts';
import type { RegistryAdmin, RegistryFinding } from '../../src/ports/registry-admin.ts';
import type { AcceptRestoreParts } from '../../src/work/accept-restore.ts';
import { auditor } from '../../src/work/auditor.ts';
import { documentsIn, run } from './host.ts';

const WRITER = { instance: 'i', version: '1.2.3' };
const OK: RegistryFinding = { name: 'tables', status: 'ok', finding: 'version 1' };
const LOUD: RegistryFinding = { name: 'standby', status: 'loud', finding: 'none', hint: 'get one' };
const BAD: RegistryFinding = { name: 'rights', status: 'bad', finding: 'too many', hint: 'take them' };

function deskOf(admin: Partial<RegistryAdmin>) {
  const seen = { logins: [] as unknown[], closed: 0 };
  const close = async (): Promise<void> => void seen.closed++;
  const told = auditor({
    writer: WRITER,
    actor: { kind: 'operator', id: 'me' },
    ticket: undefined,
    now: () => new Date(0),
  });
  return {
    seen,
    registryDesk: async (_: unknown, __: unknown, login: unknown): Promise<RegistryDesk> => {
      seen.logins.push(login);
      const missing = async (): Promise<never> => await Promise.reject(new Error('not of this test'));
      return { admin: { migrate: missing, check: missing, close, ...admin }, auditor: told };
    },
  };
}

describe('callseal registry migrate', () => {
  test('says which versions, with the audit event of the operator, as the user that was named', async () => {
    const { seen, registryDesk } = deskOf({
      migrate: async (fact) => {
        expect(fact).toMatchObject({
          action: 'registry.migrate',
          actor: { id: 'me' },
          outcome: { status: 'ok' },
        });
        return { from: 0, to: 1 };
      },
    });
    const ran = await run('registry migrate --user callseal_owner --password-file pw', { registryDesk });
    expect(ran).toMatchObject({
      code: 0,
      stdout: 'tables from version 0 to 1; row-level security and rights are set\n',
      stderr: '',
      opened: 0,
    });
    expect(seen).toEqual({ logins: [{ user: 'callseal_owner', passwordFile: 'pw' }], closed: 1 });
  });

  test('says that nothing was to be done, and with --json what was found', async () => {
    const { registryDesk } = deskOf({ migrate: async () => ({ from: 1, to: 1 }) });
    expect((await run('registry migrate', { registryDesk })).stdout).toMatch(/^tables were of version 1; /);
    const { stdout } = await run('registry migrate --json', { registryDesk });
    expect(JSON.parse(stdout)).toEqual({ from: 1, to: 1 });
  });

  test('that is refused exits 7 and closes what it opened', async () => {
    const refused = new CallsealError('REFUSED', 'not the owner', { hint: 'be the owner' });
    const { seen, registryDesk } = deskOf({ migrate: async () => await Promise.reject(refused) });
    const ran = await run('registry migrate', { registryDesk });
    expect(ran).toMatchObject({ code: 7, stdout: '' });
    expect(ran.stderr).toBe('callseal: error: not the owner\ncallseal: hint: be the owner\n');
    expect(seen.closed).toBe(1);
  });
});

describe('callseal registry check', () => {
  test('exits 0 where all is well, and with a warning where a promise does not hold', async () => {
    const { seen, registryDesk } = deskOf({ check: async () => [OK, LOUD] });
    const ran = await run('registry check', { registryDesk });
    expect(ran).toMatchObject({ code: 0, stderr: 'callseal: hint: get one\n' });
    expect(ran.stdout.split('\n').slice(1)).toEqual(['tables   ok    version 1', 'standby  WARN  none', '']);
    expect(seen).toEqual({ logins: [{}], closed: 1 });
  });

  test('exits 8 where something is bad', async () => {
    const { registryDesk } = deskOf({ check: async () => [BAD, OK] });
    expect(await run('registry check', { registryDesk })).toMatchObject({
      code: 8,
      stderr: 'callseal: hint: take them\n',
    });
  });

  test('--json is one finding a line', async () => {
    const { registryDesk } = deskOf({ check: async () => [OK, BAD] });
    expect(documentsIn((await run('registry check --json', { registryDesk })).stdout)).toEqual([OK, BAD]);
  });
});

describe('callseal registry status', () => {
  const HEAD = { seq: 7, prev: '0'.repeat(64), hash: 'a'.repeat(64), schema: 'callseal.audit/1' };
  /** A registry that ends at `auditSeq`, beside a topic that ends at event 7. */
  function desk(auditSeq: number, wentBack: boolean, members: readonly string[] = []) {
    const seen = { closed: 0 };
    const parts = {
      registry: {
        state: async () => ({ epoch: 1, auditSeq, wentBack }),
        tombstones: async () => [],
        async *chain() {
          yield HEAD;
        },
      },
      events: { last: async () => ({ value: Buffer.from(JSON.stringify(HEAD)) }) },
      objects: { async *list() {} },
      inbox: { members: async () => members },
    };
    const restoreDesk = async () => ({
      parts: parts as unknown as AcceptRestoreParts,
      close: async () => void seen.closed++,
    });
    return { seen, restoreDesk };
  }

  test('exits 0 with a sentence where nothing is to do', async () => {
    const { seen, restoreDesk } = desk(7, false);
    expect(await run('registry status', { restoreDesk })).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^the registry is as the audit topic .* know it .*: nothing to do\n$/),
      stderr: '',
    });
    expect(seen.closed).toBe(1);
  });

  test('exits 7 where it went back: what shows it, whom to end, and what to type', async () => {
    const unnoticed = await run('registry status', desk(4, false, ['worker-1 at 10.0.0.1']));
    expect(unnoticed).toMatchObject({
      code: 7,
      stdout:
        'the registry went back and no worker has noticed yet: it ends at audit event 4, and 7 was published\n',
      stderr:
        'callseal: hint: end 1 worker: worker-1 at 10.0.0.1\n' +
        'callseal: hint: callseal registry accept-restore --ticket TICKET, then start the workers\n',
    });
    const waiting = await run('registry status', desk(7, true));
    expect(waiting).toMatchObject({
      code: 7,
      stdout: expect.stringContaining('its restore is not accepted'),
    });
  });

  test('--json says the same in fields', async () => {
    const { stdout } = await run('registry status --json', desk(4, false, ['w']));
    expect(JSON.parse(stdout)).toEqual({
      state: 'unnoticed',
      sign: 'behind',
      epoch: 1,
      auditSeq: 4,
      publishedSeq: 7,
      members: ['w'],
    });
  });
});

test('callseal registry accept-restore without a ticket opens nothing', async () => {
  expect(await run('registry accept-restore')).toMatchObject({
    code: 2,
    stdout: '',
    stderr:
      'callseal: error: a restore is accepted under a ticket\n' +
      'callseal: hint: callseal registry accept-restore --ticket CHG-1042\n',
  });
});
