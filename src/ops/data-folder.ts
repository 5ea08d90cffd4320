import { lstat, mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { CallsealError } from '../domain/errors.ts';

const OWNER_ONLY = 0o700;

/**
 * Makes the data folder for its owner alone, with a .gitignore so that it can never be committed. One that is there
 * already must be ours and closed to others.
 *
 * @throws CallsealError BAD_CONFIG
 */
export async function prepareDataFolder(path: string): Promise<void> {
  const made = await mkdir(path, { recursive: true, mode: OWNER_ONLY });
  const problem = made === undefined ? await dataFolderProblem(path) : undefined;
  if (problem) throw new CallsealError('BAD_CONFIG', problem.finding, { hint: problem.hint });
  await writeFile(join(path, '.gitignore'), '*\n', { flag: 'wx', mode: 0o600 }).catch(
    (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error;
    },
  );
}

/** What is wrong with a data folder that is there; undefined where nothing is. */
export async function dataFolderProblem(
  path: string,
): Promise<{ finding: string; hint: string } | undefined> {
  const found = await lstat(path);
  if (!found.isDirectory())
    return { finding: `${path} is no folder`, hint: 'say --data with another folder' };
  const uid = process.getuid?.();
  if (uid !== undefined && found.uid !== uid) {
    return {
      finding: `${path} belongs to another user`,
      hint: `chown it, or say --data with another folder`,
    };
  }
  const mode = found.mode & 0o777;
  if ((mode & 0o077) === 0) return undefined;
  return { finding: `${path} is open to others (mode 0${mode.toString(8)})`, hint: `chmod 700 ${path}` };
}
