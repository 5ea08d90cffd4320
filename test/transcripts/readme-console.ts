import { spawn } from 'node:child_process';
import { cp, mkdir, mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { text } from 'node:stream/consumers';

/** Commands of the ```console fences of a page, each with the lines that a reader sees below it. */
interface Shown {
  readonly command: string;
  readonly output: string;
}

export function consoleOf(markdown: string): Shown[] {
  const fences = [...markdown.matchAll(/^```console\n([\s\S]*?)^```/gm)].map(([, body = '']) => body);
  return fences.flatMap((body) =>
    body
      .split(/^\$ /m)
      .filter((part) => part !== '')
      .map((part) => {
        const [command = '', ...output] = part.split('\n');
        return { command, output: output.join('\n') };
      }),
  );
}

const MARK = '-- the next command --';

/** What a terminal shows: all commands in one shell, so that an export lasts, stderr and stdout as they come. */
export async function runConsole(commands: readonly string[]): Promise<string[]> {
  const folder = await mkdtemp(join(tmpdir(), 'callseal-readme-'));
  try {
    await mkdir(join(folder, 'bin'));
    await symlink(resolve('bin/callseal'), join(folder, 'bin/callseal'));
    await cp(resolve('samples'), join(folder, 'samples'), { recursive: true });
    const script = commands.map((command) => `echo '${MARK}'\n${command}\n`).join('');
    const environment = Object.entries(process.env).filter(
      ([name]) => !/^(CALLSEAL_(?!NODE)|MAKE)/.test(name),
    );
    const shell = spawn('sh', ['-c', `exec 2>&1\n${script}`], {
      cwd: folder,
      env: Object.fromEntries(environment),
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    return (await text(shell.stdout)).split(`${MARK}\n`).slice(1);
  } finally {
    await rm(folder, { recursive: true });
  }
}

/** The same on both sides: what differs from run to run and from machine to machine. */
export function comparable(said: string): string {
  return said
    .replace(/\S+\/\.callseal\b/g, '<folder>/.callseal')
    .replace(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/g, '<time>')
    .replace(/\bin \d+ ms\b/g, 'in <n> ms')
    .replace(/one outcome \([\d,]+ bytes\)/g, 'one outcome (<n> bytes)'); // holds milliseconds, whose digits count
}
