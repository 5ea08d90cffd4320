import { constants } from 'node:fs';
import { type FileHandle, link, lstat, open, rm } from 'node:fs/promises';
import { CallsealError } from '../domain/errors.ts';

/**
 * For a command that does something which is kept, before it writes: `writeNewFile` refuses too, and later.
 *
 * @throws CallsealError REFUSED - something stands there already, be it a link to nowhere
 */
export async function refuseTaken(path: string): Promise<void> {
  const found = await lstat(path).catch(() => undefined);
  if (found) throw taken(path);
}

/**
 * Writes a file that was not there before, for its owner only, whole or not at all. A link in its place is refused.
 *
 * @throws CallsealError REFUSED - something stands there already
 */
export async function writeNewFile(
  path: string,
  chunks: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): Promise<number> {
  const temporary = `${path}.${process.pid}.part`;
  const { O_WRONLY, O_CREAT, O_EXCL, O_NOFOLLOW } = constants;
  let file: FileHandle | undefined;
  try {
    file = await open(temporary, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600);
    let bytes = 0;
    for await (const chunk of chunks) {
      await file.writeFile(chunk);
      bytes += chunk.length;
    }
    await file.sync();
    await link(temporary, path); // refuses to replace, unlike rename
    return bytes;
  } catch (error) {
    throw translated(error, path);
  } finally {
    await file?.close();
    if (file) await rm(temporary, { force: true });
  }
}

function translated(error: unknown, path: string): unknown {
  if (!(error instanceof Error && 'syscall' in error && 'code' in error)) return error;
  const code = String(error.code);
  if (code === 'EEXIST') return taken(path, error);
  return new CallsealError('REFUSED', `${path} cannot be written: ${code}`, { cause: error });
}

function taken(path: string, cause?: unknown): CallsealError {
  return new CallsealError('REFUSED', `${path} is there already; nothing was written`, {
    ...(cause === undefined ? {} : { cause }),
    hint: 'name another file',
  });
}
