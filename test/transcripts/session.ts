import { spawn } from 'node:child_process';
import { chmod, cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { text } from 'node:stream/consumers';
import { normaliser } from './normalise.ts';

/**
 * A session: what somebody types into a shell, and exactly what they read.
 *
 *   # what the session shows; its first line is the name of the test
 *   $ callseal config check           run by sh, in the session's own working folder
 *   > …                               a further line of the same command
 *   the settings of profile local …   stdout
 *   ! callseal: error: …              stderr; how the two interleave is not told
 *   ? 2                               the exit code, where it is not 0
 *
 * What differs from run to run is written as normalise.ts says. `CALLSEAL_UPDATE=1` writes what was read into the
 * file instead of comparing it.
 */
export interface Block {
  /** The command with its further lines; empty for the text above the first command. */
  readonly command: readonly string[];
  /** Comments and empty lines behind the expected output. */
  readonly after: readonly string[];
}

const MARKS = /^(?:[$#>!?] |\?$)/;

/** Commands and comments; what was expected of them is thrown away, since a run renders the whole text again. */
export function parseSession(written: string): Block[] {
  const blocks: { command: string[]; after: string[] }[] = [{ command: [], after: [] }];
  let isTyping = false;
  for (const line of written.replace(/\n$/, '').split('\n')) {
    const block = blocks.at(-1);
    if (line.startsWith('$ ')) blocks.push({ command: [line.slice(2)], after: [] });
    else if (isTyping && /^> ?/.test(line)) block?.command.push(line.replace(/^> ?/, ''));
    else if (line === '' || line.startsWith('# ')) block?.after.push(line);
    else block?.after.splice(0); // output: an empty line above it was output too
    isTyping = line.startsWith('$ ') || (isTyping && /^> ?/.test(line));
  }
  return blocks;
}

export function nameOf(written: string): string {
  return /^# (.+)/.exec(written)?.[1] ?? 'a session starts with a comment that says what it shows';
}

/** Runs every command of a session in a fresh folder, and writes the session down as it went. */
export async function runSession(written: string): Promise<string> {
  const folder = await workingFolder();
  try {
    return await sessionIn(folder, written);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

async function sessionIn(folder: string, written: string): Promise<string> {
  const normalised = normaliser(folder);
  const lines: string[] = [];
  for (const { command, after } of parseSession(written)) {
    if (command.length > 0) {
      lines.push(...command.map((line, i) => (i === 0 ? `$ ${line}` : `> ${line}`.trimEnd())));
      lines.push(...rendered(await runShell(command.join('\n'), folder), normalised));
    }
    lines.push(...after);
  }
  return `${lines.join('\n')}\n`;
}

/** A command that waits for what never comes ends with 124, and everything that it started with it. */
const HANGS = ['--kill-after=5', '120'];

interface Ran {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

function rendered({ code, stdout, stderr }: Ran, normalised: (text: string) => string): string[] {
  const out = linesOf(normalised(stdout));
  const ambiguous = out.find((line) => MARKS.test(line));
  if (ambiguous !== undefined)
    throw new Error(`stdout has a line that would be read as a mark: ${ambiguous}`);
  const said = linesOf(normalised(stderr)).map((line) => `! ${line}`.trimEnd());
  return [...out, ...said, ...(code === 0 ? [] : [`? ${code}`])];
}

function linesOf(output: string): string[] {
  return output === '' ? [] : output.replace(/\n$/, '').split('\n');
}

const bin = programFolder();

/** A folder with the samples beside it as a checkout has them; the data folder is its `.callseal`. */
export async function workingFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'callseal-session-'));
  await cp(resolve('samples'), join(folder, 'samples'), { recursive: true, preserveTimestamps: true });
  return folder;
}

/** What a session's shell starts from; CALLSEAL_PROFILE keeps the line about the profile out of every answer. */
export async function sessionEnvironment(): Promise<NodeJS.ProcessEnv> {
  return {
    PATH: `${await bin}:${process.env['PATH']}`,
    HOME: process.env['HOME'],
    LC_ALL: 'C',
    CALLSEAL_PROFILE: 'local',
  };
}

export async function runShell(command: string, folder: string): Promise<Ran> {
  const child = spawn('timeout', [...HANGS, 'sh', '-c', command], {
    cwd: folder,
    env: await sessionEnvironment(),
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const [stdout, stderr, code] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    new Promise<number>((done, failed) => {
      child.once('error', failed);
      child.once('close', (status) => done(status ?? -1));
    }),
  ]);
  return { code, stdout, stderr };
}

/**
 * A folder of programs for the shell:
 *
 *   callseal …            what bin/callseal starts, with the same flags, on the Node.js of this test: finding one
 *                         takes bin/callseal as long as a short command takes, and has bin-callseal.test.ts
 *   HOURS_LATER=25 …      the same, with a clock that is so many hours ahead
 *   shred-call TENANT/CALL
 */
async function programFolder(): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'callseal-programs-'));
  await chmod(folder, 0o755);
  const node = `'${process.execPath}' ${await shippedFlags()}`;
  await program(folder, 'callseal', [
    'ulimit -c 0',
    `exec ${node} \${HOURS_LATER:+--import '${resolve('test/transcripts/hours-later.ts')}'} \\`,
    `  '${resolve('src/cli.ts')}' --default-profile local "$@"`,
  ]);
  await program(folder, 'shred-call', [`exec ${node} '${resolve('test/transcripts/shred-call.ts')}' "$@"`]);
  return folder;
}

async function program(folder: string, name: string, lines: readonly string[]): Promise<void> {
  await writeFile(join(folder, name), `${['#!/bin/sh', ...lines].join('\n')}\n`);
  await chmod(join(folder, name), 0o755);
}

/** Flags of Node.js in bin/callseal. */
async function shippedFlags(): Promise<string> {
  const shipped = await readFile(resolve('bin/callseal'), 'utf8');
  const [, flags] = /^exec sh "\$use" node (.+) \\$/m.exec(shipped) ?? [];
  if (flags === undefined) throw new Error('bin/callseal does not start Node.js as this runner expects');
  return flags;
}
