import { env } from 'node:process';

/** Variables that steer tests and benchmarks. The product refuses them like any that is no setting. */
const OURS = ['CALLSEAL_LONG', 'CALLSEAL_SEED', 'CALLSEAL_UPDATE'];

/** The environment for a process of the product that a test or a benchmark starts. */
export function productEnvironment(
  more: Readonly<Record<string, string>> = {},
): Record<string, string | undefined> {
  const kept = Object.entries(env).filter(([name]) => !OURS.includes(name));
  return { ...Object.fromEntries(kept), ...more };
}
