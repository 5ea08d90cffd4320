import type { Register } from './app.ts';
import { registerAuditVerify } from './audit-verify.ts';
import { registerConfig } from './config.ts';
import { registerDlq } from './dlq.ts';
import { registerDoctor } from './doctor.ts';
import { registerEvents } from './events.ts';
import { registerList } from './list.ts';
import { registerShow } from './show.ts';
import { registerStatus } from './status.ts';

/** Every command, in the order of `callseal --help`. */
export const COMMANDS: readonly Register[] = [
  registerList,
  registerShow,
  registerStatus,
  registerEvents,
  registerAuditVerify,
  registerDlq,
  registerConfig,
  registerDoctor,
];
