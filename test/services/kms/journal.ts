import {
  closeSync,
  fdatasyncSync,
  fsyncSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readFileSync,
  writeSync,
} from 'node:fs';
import { dirname } from 'node:path';

/**
 * An append-only file of changes, one JSON document a line. A change that `write` returned from is on the disk, so nothing
 * that was answered is lost by `kill -9` or a power cut.
 */
export interface Journal<Change> {
  write(change: Change): void;
  close(): void;
}

/** Opens or makes the file and hands every change in it to `replay`, oldest first. */
export function openJournal<Change>(path: string, replay: (change: Change) => void): Journal<Change> {
  mkdirSync(dirname(path), { recursive: true });
  const file = openSync(path, 'a+', 0o600);
  const text = readFileSync(path, 'utf8');
  const whole = text.lastIndexOf('\n') + 1;
  // A last line without its end was never answered: the process died while it wrote.
  ftruncateSync(file, Buffer.byteLength(text.slice(0, whole)));
  for (const line of text.slice(0, whole).split('\n')) {
    if (line !== '') replay(JSON.parse(line) as Change);
  }
  syncFolderOf(path);
  return {
    write: (change) => {
      writeSync(file, `${JSON.stringify(change)}\n`);
      fdatasyncSync(file);
    },
    close: () => closeSync(file),
  };
}

/** Or a power cut may lose the file's name. */
function syncFolderOf(path: string): void {
  const folder = openSync(dirname(path), 'r');
  fsyncSync(folder);
  closeSync(folder);
}
