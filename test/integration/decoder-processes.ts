import { execFile } from 'node:child_process';
import { globSync, readdirSync, readFileSync } from 'node:fs';
import { promisify } from 'node:util';

/** The living children of a process, zombies too, by the kernel's own list (Linux). */
export function childrenOf(pid: number): number[] {
  return globSync(`/proc/${pid}/task/*/children`).flatMap((file) =>
    readFileSync(file, 'utf8').split(' ').filter(Boolean).map(Number),
  );
}

/** Those that are a decoder's: others may have been started by whoever runs the test. */
export function decodersOf(pid: number): number[] {
  return childrenOf(pid).filter((child) => {
    const words = readFileSync(`/proc/${child}/cmdline`, 'utf8');
    return words === '' || words.includes('decoder');
  });
}

export function openFiles(pid: number): number {
  return readdirSync(`/proc/${pid}/fd`).length;
}

/** Until a process is gone that is not ours to wait for. */
export async function gone(pid: number): Promise<void> {
  await promisify(execFile)('tail', ['--pid', String(pid), '-s', '0.05', '-f', '/dev/null']);
}
