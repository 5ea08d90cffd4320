import { lstat, readdir, readFile, statfs } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { dataFolderProblem } from './data-folder.ts';
import { coreLimitOf } from './hardening.ts';

/** One line of `doctor`. */
interface MachineCheck {
  readonly name: string;
  readonly ok: boolean;
  readonly finding: string;
  readonly hint?: string;
}

/** The settings that the checks look at. */
interface Checked {
  readonly data: string;
  readonly keys: { readonly kind: string; readonly file?: string };
  readonly objects: { readonly kind: string };
}

const LEAST_FREE = 2 ** 30;
/** No machine that runs this release has a clock before it. */
const RELEASED = Date.parse('2026-11-01T00:00:00Z');

/** What can be checked of this machine without opening anything. Every check answers; none throws. */
export async function machineChecks({ settings }: { readonly settings: Checked }): Promise<MachineCheck[]> {
  const isEmbedded = settings.keys.kind === 'keyfile' || settings.objects.kind === 'files';
  return [
    nodeVersion(process.versions.node),
    await coreLimit(),
    ...(isEmbedded ? [await dataFolder(settings.data), await diskSpace(settings.data)] : []),
    ...(settings.keys.file === undefined ? [] : [await keyFile(settings.keys.file)]),
    await clock(settings.data),
  ];
}

function nodeVersion(version: string): MachineCheck {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  const ok = major > 24 || (major === 24 && minor >= 12);
  const hint = ok ? {} : { hint: 'CALLSEAL_NODE=pinned takes the Node.js of this repository' };
  return { name: 'node', ok, finding: `Node.js ${version}`, ...hint };
}

async function coreLimit(): Promise<MachineCheck> {
  const limits = await readFile('/proc/self/limits', 'utf8').catch(() => '');
  const limit = coreLimitOf(limits);
  if (limit === undefined) return { name: 'core files', ok: true, finding: 'this system does not say' };
  if (limit === '0') return { name: 'core files', ok: true, finding: 'none are written' };
  const hint = 'start with bin/callseal, or ulimit -c 0';
  return { name: 'core files', ok: false, finding: 'a crash would write keys to a core file', hint };
}

async function dataFolder(path: string): Promise<MachineCheck> {
  const name = 'data folder';
  try {
    const problem = await dataFolderProblem(path);
    return problem
      ? { name, ok: false, ...problem }
      : { name, ok: true, finding: `${path}, for its owner only` };
  } catch (error) {
    if (isMissing(error)) return { name, ok: true, finding: `${path} is not there yet; it will be made` };
    return { name, ok: false, finding: `${path} cannot be looked at (${codeText(error)})` };
  }
}

async function keyFile(path: string): Promise<MachineCheck> {
  const name = 'key file';
  try {
    const found = await lstat(path);
    if (!found.isFile())
      return { name, ok: false, finding: `${path} is no file`, hint: 'say --keys with another path' };
    const mode = found.mode & 0o777;
    if ((mode & 0o077) === 0) return { name, ok: true, finding: `${path}, for its owner only` };
    return {
      name,
      ok: false,
      finding: `${path} is open to others (mode 0${mode.toString(8)})`,
      hint: `chmod 600 ${path}`,
    };
  } catch (error) {
    if (isMissing(error)) return { name, ok: true, finding: `${path} is not there yet; it will be made` };
    return { name, ok: false, finding: `${path} cannot be looked at (${codeText(error)})` };
  }
}

async function diskSpace(path: string): Promise<MachineCheck> {
  const name = 'disk space';
  const { bavail, bsize } = await statfs(await nearestFolder(path));
  const free = bavail * bsize;
  const finding = `${(free / 2 ** 30).toFixed(1)} GiB free`;
  return free >= LEAST_FREE
    ? { name, ok: true, finding }
    : { name, ok: false, finding, hint: 'free some space, or say --data with a folder on another disk' };
}

async function clock(data: string): Promise<MachineCheck> {
  const now = Date.now();
  const finding = new Date(now).toISOString();
  const latest = Math.max(RELEASED, await newestIn(data));
  if (now >= latest) return { name: 'clock', ok: true, finding };
  const hint = 'set the clock; keys and audit events carry its time';
  return { name: 'clock', ok: false, finding: `${finding}, behind ${new Date(latest).toISOString()}`, hint };
}

/** When the newest file directly in a folder was written, ms; 0 where there is none. */
async function newestIn(folder: string): Promise<number> {
  const names = await readdir(folder).catch(() => []);
  const times = await Promise.all(
    names.map(async (name) => (await lstat(join(folder, name)).catch(() => undefined))?.mtimeMs ?? 0),
  );
  return Math.max(0, ...times);
}

async function nearestFolder(path: string): Promise<string> {
  const found = await lstat(path).catch(() => undefined);
  return found !== undefined || dirname(path) === path ? path : await nearestFolder(dirname(path));
}

function isMissing(error: unknown): boolean {
  return codeText(error) === 'ENOENT';
}

function codeText(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : 'unknown error';
}
