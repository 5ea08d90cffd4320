import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { freePort } from '../integration/free-port.ts';
import { blocksOf, openRunbook, type Said } from '../integration/runbook.ts';
import { ask } from '../ops/ask.ts';
import { commandsIn, fencesOf, operatorPages, unknownIn } from './runbook-commands.ts';
import { runShell, workingFolder } from './session.ts';

/**
 * The `sh` blocks of docs/runbooks/, typed on the embedded profile where they do the same there. What needs a service
 * is in test/integration/runbooks.test.ts.
 */
const PAGES = operatorPages();
const ran = new Set<string>();

/** One folder, one worker.yaml, the pages' blocks in it. */
interface Site {
  readonly folder: string;
  /** Blocks of a page. @param changes - ids, hashes and ports */
  block(page: string, name: string, changes?: Readonly<Record<string, string>>): Promise<Said>;
  /** What is not the operator's: edges, time, workers. */
  sh(script: string): Promise<string>;
  remove(): void;
}

async function openSite(settings: object): Promise<Site> {
  const folder = await workingFolder();
  writeFileSync(join(folder, 'worker.yaml'), JSON.stringify(settings)); // JSON is YAML
  const opened = new Map(PAGES.map(({ file, name }) => [name, openRunbook(file, folder, {})]));
  return {
    folder,
    block: async (page, name, changes) => {
      ran.add(`${page} ${name}`);
      const runbook = opened.get(page);
      if (runbook === undefined) throw new TypeError(`there is no page ${page}`);
      return await runbook.run(name, changes);
    },
    sh: async (script) => {
      const { code, stdout, stderr } = await runShell(script, folder);
      expect({ script, code, stdout, stderr }).toEqual({ script, code: 0, stdout, stderr });
      return stdout + stderr;
    },
    remove: () => rmSync(folder, { recursive: true, force: true }),
  };
}

/** What a block should have come to and did not: nothing, where it ended with 0 and printed all of this. */
function lacking({ code, out, err }: Said, ...says: readonly (string | RegExp)[]): string[] {
  const unsaid = says.filter((one) => (typeof one === 'string' ? !out.includes(one) : !one.test(out)));
  return code === 0 && unsaid.length === 0 ? [] : [`exit code ${code}`, ...unsaid.map(String), out, err];
}

describe('dead letters grew, or have to go back', () => {
  let site: Site;
  beforeAll(async () => {
    const sources = { edge: { kind: 'files', root: 'edge' } };
    site = await openSite({
      retry: { inPlace: 1, delay: '1s', giveUpAfter: '1m' },
      tenants: { 't-42': { create: 'at-start', sources } },
    });
    mkdirSync(join(site.folder, 'edge'));
    const event = (call: string) => ({
      specversion: '1.0',
      id: call,
      source: 'urn:edge',
      type: 'callseal.call.completed.v1',
      data: {
        tenant: 't-42',
        call,
        revision: 1,
        consent: { recording: 'granted' },
        artifacts: [{ id: 'summary', kind: 'summary', source: { alias: 'edge', key: `${call}.json` } }],
      },
    });
    for (const call of ['late-1', 'late-2']) {
      writeFileSync(join(site.folder, `${call}.event`), JSON.stringify(event(call)));
    }
    await site.sh(`
      printf '{"name":' >broken.json && callseal publish --as-is broken.json --config worker.yaml
      sed 's/"demo/"nobody/; s/"samples"/"cli"/' samples/event.json >nobody.json
      callseal publish --as-is nobody.json --config worker.yaml
      for call in late-1 late-2; do callseal publish $call.event --config worker.yaml; done
      callseal worker --until-idle --config worker.yaml
      HOURS_LATER=1 callseal worker --until-idle --config worker.yaml`);
  }, 120_000);
  afterAll(() => site.remove());

  test('what was parked is seen by cause, by tenant, by version', async () => {
    const [causes, whose] = await Promise.all([
      site.block('dead-letters-grew', 'causes'),
      site.block('dead-letters-grew', 'whose'),
    ]);
    const unknown = /^TENANT_UNKNOWN +authorise +\w+ +new/m;
    expect(lacking(causes, /^parked {4}4$/m, /2 SOURCE_MISSING, the oldest/, unknown)).toEqual([]);
    expect(lacking(whose, /^t-42 +\w* *2 /m)).toEqual([]);
  });

  test('one of them says what happened, and what to type next', async () => {
    const one = await site.block('dead-letters-grew', 'one');
    expect(lacking(one, /^what {9}\S/m, /^why {10}\S/m, /^next {9}callseal config check$/m)).toEqual([]);
    expect(lacking(await site.block('dead-letters-grew', 'open'), /^value {8}\{"name":$/m)).toEqual([]);
  });

  test('a plan of what is still wrong replays nothing and says why', async () => {
    expect(
      lacking(await site.block('dead-letters-grew', 'plan'), '0 of 1 would be replayed', '1 TENANT_UNKNOWN'),
    ).toEqual([]);
  });

  test('what nobody wants is put aside', async () => {
    expect(lacking(await site.block('dead-letters-grew', 'discard'), '1 dead letter discarded')).toEqual([]);
    expect(lacking(await site.block('dead-letters-grew', 'over'), /^parked {4}3$/m)).toEqual([]);
  });

  test('the sources come back: parked, planned, applied, paused, resumed, answered', async () => {
    const page = 'replay-after-an-outage';
    expect(lacking(await site.block(page, 'parked'), /^SOURCE_MISSING +seal .* 2 /m)).toEqual([]);
    await site.sh('cp samples/summary.json edge/late-1.json && cp samples/summary.json edge/late-2.json');
    const plan = await site.block(page, 'plan');
    expect(lacking(plan, '2 of 2 would be replayed')).toEqual([]);
    const hash = { HASH: /^plan +([0-9a-f]{64})$/m.exec(plan.out)?.[1] ?? '' };
    expect(lacking(await site.block(page, 'apply', hash), / running$/m)).toEqual([]);
    expect(lacking(await site.block(page, 'pause', hash), / paused$/m, / running$/m)).toEqual([]);
    await site.sh('callseal worker --until-idle --config worker.yaml');
    expect(
      lacking(await site.block(page, 'watch', hash), /^state +finished$/m, /^answers +2 of 2$/m, '2 sealed'),
    ).toEqual([]);
  });

  test('afterwards everything is there, and the audit chain is whole', async () => {
    const page = 'replay-after-an-outage';
    const reconciled = await site.block(page, 'reconcile');
    expect(reconciled).toMatchObject({ code: 0, err: expect.stringContaining(': 0 findings since ') });
    expect(lacking(await site.block(page, 'over'), /audit events, 1 to \d+: whole/)).toEqual([]);
  });
});

describe('beside a worker that runs', () => {
  let site: Site;
  let worker: ChildProcess;
  let ports: Readonly<Record<'probes' | 'admin', number>>;
  beforeAll(async () => {
    ports = { probes: await freePort(), admin: await freePort() };
    site = await openSite({
      ops: { probes: `127.0.0.1:${ports.probes}`, admin: `127.0.0.1:${ports.admin}` },
    });
    cpSync(join(site.folder, 'samples/event.json'), join(site.folder, 'event.json'));
    await site.sh('callseal publish event.json --config worker.yaml');
    worker = spawn(
      process.execPath,
      ['--no-warnings', resolve('src/main.ts'), '--profile', 'local', '--config', 'worker.yaml'],
      { cwd: site.folder, stdio: 'ignore' },
    );
    await vi.waitFor(
      async () => {
        if ((await ask(ports.probes, '/readyz')).status !== 200) throw new Error('the worker is not ready');
      },
      { timeout: 60_000, interval: 100 },
    );
  }, 120_000);
  afterAll(() => {
    worker.kill('SIGKILL');
    site.remove();
  });
  const admin = () => ({ '127.0.0.1:9401': `127.0.0.1:${ports.admin}` });

  test('deploy: settings, machine, registry and an event are judged, and a call is followed to its bytes', async () => {
    expect(lacking(await site.block('deploy', 'check'), 'are good', /^node +ok /m)).toEqual([]);
    expect(lacking(await site.block('deploy', 'before'), /^parked {4}0$/m, /nothing to do$/m)).toEqual([]);
    expect(
      lacking(await site.block('deploy', 'event'), /^sealed: the worker would seal \d+ artifacts/),
    ).toEqual([]);
    expect(lacking(await site.block('deploy', 'prove'), /^sealed/, /^ok +demo\/intake-0001 /m)).toEqual([]);
    expect(await site.block('deploy', 'regressions')).toMatchObject({ code: 0 });
  });

  test('a worker tells of itself', async () => {
    const probes = { '127.0.0.1:9400': `127.0.0.1:${ports.probes}`, ...admin() };
    const [told, looked, audit, waiting, stages, sample] = await Promise.all([
      site.block('stuck-worker', 'ask', probes),
      site.block('stuck-worker', 'doctor'),
      site.block('stuck-worker', 'audit'),
      site.block('scale', 'look'),
      site.block('scale', 'stages', admin()),
      site.block('scale', 'sure'),
    ]);
    expect(lacking(told, /^\{"ok":true,"reasons":\[\]\}/, '"paused":[]')).toEqual([]);
    expect(lacking(looked, /^inbox {5}0 waiting, 0 due$/m)).toEqual([]);
    expect(lacking(audit, 'whole')).toEqual([]);
    expect(lacking(waiting, /^inbox {5}0 waiting/m)).toEqual([]);
    expect(lacking(stages, /_count\{stage="store"/, 'inflight_calls 0')).toEqual([]);
    expect(lacking(sample, /^ok +demo\/intake-0001 /m)).toEqual([]);
  });

  test('a tenant is paused, is seen to be by everybody, and goes on', async () => {
    const page = 'tenant-paused';
    expect(await site.block(page, 'operators')).toMatchObject({ code: 0, out: '' });
    expect(lacking(await site.block(page, 'pause'), 'paused demo')).toEqual([]);
    const waits = async () => (await site.block(page, 'ask', admin())).out;
    await expect.poll(waits, { timeout: 60_000 }).toContain('"tenant":"demo","code":"INTAKE_PAUSED"');
    await site.sh(
      `sed 's/"revision": 1/"revision": 2/; s/intake-0001.1/intake-0001.2/' event.json >later.json
       callseal publish later.json --config worker.yaml`,
    );
    expect(
      lacking(await site.block(page, 'waiting'), /^inbox {5}1 waiting/m, /^paused {4}demo since .*: OPS-1$/m),
    ).toEqual([]);
    expect(lacking(await site.block(page, 'operators'), /^demo .* OPS-1$/m)).toEqual([]);
    expect(lacking(await site.block(page, 'doctor'), /^settings +ok /m)).toEqual([]);
    expect(lacking(await site.block(page, 'resume'), 'resumed demo')).toEqual([]);
    await site.sh('callseal await demo/intake-0001 --revision 2 --config worker.yaml');
    expect(lacking(await site.block(page, 'over'), /^inbox {5}0 waiting/m, /^parked {4}0$/m)).toEqual([]);
  });

  test('a stored call is damaged, is found, and is whole again once its bytes are back', async () => {
    const page = 'store-away';
    expect(lacking(await site.block(page, 'doctor'), /^data folder +ok /m)).toEqual([]);
    expect(lacking(await site.block(page, 'waiting'), /^inbox {5}0 waiting/m)).toEqual([]);
    expect(lacking(await site.block(page, 'sure'), /^ok /m)).toEqual([]);
    await site.sh(`object=$(find .callseal/objects -type f -name transcript | head -n 1)
      cp "$object" kept && chmod u+w "$object" && printf X | dd of="$object" bs=1 seek=600 conv=notrunc`);
    const damaged = await site.block(page, 'all');
    expect(damaged).toMatchObject({
      code: 4,
      out: expect.stringMatching(/^failed NOT_AUTHENTIC +demo\/intake-0001 transcript/m),
    });
    expect(lacking(await site.block(page, 'missing'))).toEqual([]);
    await site.sh('cp kept "$(find .callseal/objects -type f -name transcript | head -n 1)"');
    expect(lacking(await site.block(page, 'mended'), /^ok +demo\/intake-0001 transcript/m)).toEqual([]);
  });

  test('what was due while Redis was lost is done by hand', async () => {
    const page = 'redis-lost';
    expect(
      lacking(await site.block(page, 'byhand'), /^ok +demo\/intake-0001 /m, /^inbox {5}0 waiting/m),
    ).toEqual([]);
    expect(await site.block(page, 'campaigns')).toMatchObject({ code: 0 });
  });

  test('the first signal drains it, and it ends well', async () => {
    const ended = once(worker, 'close');
    worker.kill('SIGTERM');
    await ended;
    expect(worker.exitCode).toBe(0);
  });
});

describe('the pages', () => {
  for (const { name, text } of PAGES) {
    test(`${name}: every command and option is there, and every block says whether it runs`, () => {
      expect(commandsIn(text).flatMap((line) => unknownIn(line) ?? [])).toEqual([]);
      expect(fencesOf(text).filter((info) => !/^(sh \w+|text)$/.test(info))).toEqual([]);
    });
  }

  test('a command or an option that there is not is found', () => {
    expect(unknownIn('callseal dlq lst')).toBe('lst');
    expect(unknownIn('callseal replay plan --nope --config worker.yaml')).toBe('--nope');
    expect(commandsIn('see `callseal dlq ls`\n```text\ncallseal a\n  b\n```\n')).toEqual([
      'callseal a',
      'callseal dlq ls',
    ]);
  });

  test('every block that runs is run', () => {
    const services = ['runbooks', 'registry-restore'].map((name) =>
      readFileSync(`test/integration/${name}.test.ts`, 'utf8'),
    );
    const all = PAGES.flatMap(({ name, text }) =>
      [...blocksOf(text).keys()].map((block) => `${name} ${block}`),
    );
    const elsewhere = (block: string): boolean => {
      const [page = '', name = ''] = block.split(' ');
      return services.some((source) => source.includes(`${page}.md`) && source.includes(`'${name}'`));
    };
    expect(all.length).toBeGreaterThan(40);
    expect(all.filter((block) => !ran.has(block) && !elsewhere(block))).toEqual([]);
  });
});
