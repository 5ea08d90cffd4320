import { appendFileSync } from 'node:fs';
import { mkdir, symlink, truncate, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, describe, expect, test } from 'vitest';
import { BAD_EVENTS, goodEvent, SOURCE } from './bad-events.ts';
import { type Desk, openDesk, type Ran } from './in-process.ts';
import { runShell } from './session.ts';

/** Tenants whose names and folders are each other's prefix. */
const SETTINGS = `
retry: { inPlace: 0 }
breaker: { inARow: 10000, over: 10000 }
tenants:
  t-4: { sources: { edge-4: { kind: files, root: edge-4 } } }
  t-42: { sources: { edge-42: { kind: files, root: edge-42 } } }
`;

let desk: Desk;
const run = async (...words: string[]): Promise<Ran> =>
  await desk.run(...words, '--config', 'two-tenants.yaml');
const folder = (name: string): string => join(desk.folder, name);

async function fileOf(name: string, bytes: string | Buffer): Promise<string> {
  await writeFile(folder(name), bytes);
  return folder(name);
}

interface Answer {
  readonly answer: string;
  readonly code?: string;
}

/** Answers by the offset of what was published. */
async function answersByOffset(): Promise<Map<number, Answer>> {
  const { stdout } = await run('dlq', 'ls', '--json');
  const parked = documentsOf(stdout) as (Answer & { origin: { offset: number } })[];
  return new Map(parked.map((row) => [row.origin.offset, row]));
}

function documentsOf(stdout: string): unknown[] {
  const lines = stdout.split('\n').filter((line) => line !== '');
  return lines.map((line) => JSON.parse(line) as unknown);
}

beforeAll(async () => {
  desk = await openDesk();
  await writeFile(folder('two-tenants.yaml'), SETTINGS);
  for (const name of ['edge-4/folder', 'edge-42']) await mkdir(folder(name), { recursive: true });
  await writeFile(folder('edge-4/good.json'), SOURCE);
  await writeFile(folder('edge-42/secret.json'), SOURCE);
  await symlink('../edge-42', folder('edge-4/out'));
  await symlink('good.json', folder('edge-4/link.json'));
  await runShell('mkfifo pipe', folder('edge-4'));
  await writeFile(folder('edge-4/huge.f32'), '');
  await truncate(folder('edge-4/huge.f32'), 17 * 1024 * 1024);
});

describe('an event that should never have been sent', () => {
  const offsets = new Map<string, number>();
  let answers: Map<number, Answer>;
  let worked: Ran;

  beforeAll(async () => {
    for (const [i, { is, bytes }] of BAD_EVENTS.entries()) {
      const file = await fileOf('as-is.json', bytes(`c-${i}`));
      const { stdout } = await run('publish', '--as-is', '--json', file);
      offsets.set(is, (JSON.parse(stdout) as { offset: number }).offset);
    }
    worked = await run('worker', '--until-idle');
    answers = await answersByOffset();
  }, 120_000);

  for (const [i, { is, bytes, offline, worker = offline }] of BAD_EVENTS.entries()) {
    // `callseal seal` may have made a tenant that the settings do not name: only who looks at the registry knows.
    const check = offline === 'TENANT_UNKNOWN' ? 'sealed' : offline;
    test(`${is}: event check says ${check}`, async () => {
      const file = await fileOf('check.json', bytes(`c-${i}`));
      const { code, stdout } = await run('event', 'check', '--json', file);
      const expected = check === 'sealed' ? { answer: 'sealed' } : { answer: 'parked', code: check };
      expect(JSON.parse(stdout)).toMatchObject(expected);
      expect(code).toBe(check === 'sealed' ? 0 : 7);
    });

    test(`${is}: the worker parks it as ${worker}`, () => {
      expect(answers.get(offsets.get(is) ?? -1)).toMatchObject({ answer: 'parked', code: worker });
    });
  }

  for (const [i, { is, bytes, offline }] of BAD_EVENTS.filter(
    (event) => event.offline !== 'sealed',
  ).entries()) {
    test(`${is}: publish refuses it as ${offline}, and nothing is in the inbox`, async () => {
      const file = await fileOf('publish.json', bytes(`p-${i}`));
      const { code, stdout, stderr } = await run('publish', file);
      expect({ code, stdout }).toEqual({ code: 7, stdout: '' });
      expect(stderr).toMatch(`callseal: error: ${offline}: `);
    });
  }

  test('every one of them was answered once, and nothing waits', async () => {
    expect(worked.code).toBe(0);
    const said = worked.stderr.split('\n').filter((line) => /: (parked|sealed)/.test(line));
    expect(said.length).toBe(BAD_EVENTS.length);
    const { stdout } = await run('status', '--json');
    expect(JSON.parse(stdout)).toMatchObject({ inbox: { waiting: 0 }, parked: { count: BAD_EVENTS.length } });
  });

  test('nothing of what was sent is said by anybody', async () => {
    const said = JSON.stringify([worked, await run('dlq', 'ls'), await run('events', 'outcome', '--json')]);
    for (const content of ['passwd', 'secret.json', 'isAdmin', 'hologram', '127.0.0.1']) {
      expect(said).not.toContain(content);
    }
  });

  test('a good event behind all of them is sealed, opens and verifies', async () => {
    await run('publish', await fileOf('good.json', JSON.stringify(goodEvent('good'))));
    await run('worker', '--until-idle');
    expect(await run('await', 't-4/good', '--timeout', '0')).toMatchObject({ code: 0 });
    expect(
      await run('open', 't-4/good', 'summary', '-o', folder('opened'), '--reason', 'as it was?'),
    ).toMatchObject({ code: 0 });
    expect(await run('verify', '--all')).toMatchObject({ code: 0 });
    expect(await run('audit', 'verify')).toMatchObject({ code: 0 });
  });
});

test('an event of 10 MB is refused by publish and by check before it is read to its end', async () => {
  const file = await fileOf('10mb.json', Buffer.alloc(10_000_000, 'x'));
  for (const words of [['publish'], ['publish', '--as-is'], ['event', 'check']]) {
    const { code, stderr } = await run(...words, file);
    expect({ code, stderr }).toMatchObject({
      code: 7,
      stderr: expect.stringContaining('an event has at most 1048576 bytes'),
    });
  }
});

for (const [is, bytes, warnings] of [
  ['an empty file', Buffer.alloc(0), ['NO_AUDIO']],
  ['a WAV header that promises more than there is', lyingWav(1_000_000), ['ENDS_EARLY']],
  ['a WAV header that promises four gigabytes', lyingWav(0xffff_fff0), []],
  ['noise', Buffer.alloc(5000, 0xa7), ['FORMAT_UNKNOWN']],
] as const) {
  test(`${is} is sealed bit for bit all the same, and warned of`, async () => {
    const audio = await fileOf('lying.wav', bytes);
    const call = is.replaceAll(/[^a-z]/g, '-');
    const sealed = await run('seal', '--tenant', 't-4', '--call', call, '--audio', audio, '--json');
    expect(sealed.code).toBe(0);
    const { artifacts } = JSON.parse(sealed.stdout) as { artifacts: { warnings: string[] }[] };
    expect(artifacts[0]?.warnings).toEqual(warnings);
    const opened = await run(
      'open',
      `t-4/${call}`,
      'audio',
      '-o',
      folder(call),
      '--json',
      '--reason',
      'as it was?',
    );
    expect(JSON.parse(opened.stdout)).toMatchObject({ bytes: bytes.length, of: bytes.length });
  });
}

/** 44 bytes of header and 800 bytes of audio, whatever the header says. */
function lyingWav(dataBytes: number): Buffer {
  const header = Buffer.from('RIFF....WAVEfmt ................data....', 'latin1');
  const wav = Buffer.concat([header, Buffer.alloc(4), Buffer.from(Array.from({ length: 800 }, (_, i) => i))]);
  wav.writeUInt32LE(Math.min(dataBytes + 36, 0xffff_ffff), 4);
  wav.set([16, 0, 0, 0, 1, 0, 1, 0, 0x40, 0x1f, 0, 0, 0x80, 0x3e, 0, 0, 2, 0, 16, 0], 16);
  wav.write('data', 36, 'latin1');
  wav.writeUInt32LE(dataBytes, 40);
  return wav;
}

test('a source that changes while it is read is put off, not parked and not sealed half', async () => {
  const file = folder('edge-4/growing.json');
  await writeFile(file, '[');
  const event = goodEvent('growing');
  for (const { source } of event.data.artifacts) source.key = 'growing.json';
  await run('publish', await fileOf('growing-event.json', JSON.stringify(event)));
  let isOver = false;
  const grow = (): void => {
    if (isOver) return;
    appendFileSync(file, '0,');
    setImmediate(grow);
  };
  grow();
  const { stderr } = await run('worker', '--until-idle').finally(() => (isOver = true));
  expect(stderr).toContain('SOURCE_CHANGED');
  expect(await run('await', 't-4/growing', '--timeout', '0')).toMatchObject({ code: 3 });
  const { stdout } = await run('status', '--json');
  expect(JSON.parse(stdout)).toMatchObject({ inbox: { waiting: 1, due: 0 } });
});
