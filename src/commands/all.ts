import type { Register } from './app.ts';
import { registerConfig } from './config.ts';

/** Every command, in the order of `callseal --help`. */
export const COMMANDS: readonly Register[] = [registerConfig];
