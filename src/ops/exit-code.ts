import { codeOf, EXIT, exitOf } from '../domain/errors.ts';

/** The exit code that says why a process ended (docs/cli.md). */
export function exitCodeOf(error: unknown): number {
  const isUsage =
    error instanceof TypeError && 'code' in error && String(error.code).startsWith('ERR_PARSE_ARGS');
  return isUsage ? EXIT.usage : exitOf(codeOf(error));
}
