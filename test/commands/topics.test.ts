import { describe, expect, test } from 'vitest';
import type { Principals, TopicAdmin, TopicFinding } from '../../src/ports/topic-admin.ts';
import { run } from './host.ts';

const OK: TopicFinding = { name: 'rights', status: 'ok', finding: 'all 40 are given' };
const LOUD: TopicFinding = { name: 'callseal.audit', status: 'loud', finding: 'one broker' };
const BAD: TopicFinding = {
  name: 'callseal.calls.retry',
  status: 'bad',
  finding: 'missing',
  hint: 'make it',
};

function deskOf(admin: Partial<TopicAdmin>) {
  const seen = { principals: [] as Principals[], closed: 0 };
  const missing = async (): Promise<never> => await Promise.reject(new Error('not of this test'));
  return {
    seen,
    topicDesk: async (_: unknown, principals: Principals): Promise<TopicAdmin> => {
      seen.principals.push(principals);
      const close = async (): Promise<void> => void seen.closed++;
      return { ensure: missing, check: missing, close, ...admin };
    },
  };
}

describe('callseal topics ensure', () => {
  test('says what it made and set, for the certificates that were named', async () => {
    const { seen, topicDesk } = deskOf({
      ensure: async ({ partitions }) => {
        expect(partitions).toBe(6);
        return { made: ['a'], changed: ['b'], rights: 2 };
      },
    });
    const words = 'topics ensure --partitions 6 --principal edge=pbx-1 --principal reader=crm';
    expect(await run(words, { topicDesk })).toMatchObject({
      code: 0,
      stdout: 'made a\nset the settings of b\n2 rights given\n',
      opened: 0,
    });
    const principals = {
      edge: 'pbx-1',
      worker: 'worker',
      operator: 'operator',
      reader: 'crm',
      auditor: 'auditor',
    };
    expect(seen).toEqual({ principals: [principals], closed: 1 });
  });

  test.each([
    'topics ensure --principal boss=me',
    'topics ensure --principal edge',
    'topics check --principal edge=*',
  ])('%s is a usage error', async (words) => {
    const ran = await run(words, deskOf({}));
    expect(ran).toMatchObject({ code: 2, stderr: expect.stringContaining('--principal must be ROLE=NAME') });
  });

  test('refuses a partition count that is none', async () => {
    expect(await run('topics ensure --partitions 0', deskOf({}))).toMatchObject({ code: 2 });
  });
});

describe('callseal topics check', () => {
  test.each<[string, readonly TopicFinding[], number]>([
    ['nothing wrong exits 0', [OK], 0],
    ['what works and is dangerous exits 0', [OK, LOUD], 0],
    ['what is missing exits 8', [LOUD, BAD], 8],
  ])('%s, and closes what it opened', async (_, findings, code) => {
    const { seen, topicDesk } = deskOf({ check: async () => findings });
    const ran = await run('topics check', { topicDesk });
    expect(ran.code).toBe(code);
    for (const { finding } of findings) expect(ran.stdout).toContain(finding);
    expect(ran.stderr.includes('hint: make it')).toBe(findings.includes(BAD));
    expect(seen.closed).toBe(1);
  });
});
