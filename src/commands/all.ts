import type { Register } from './app.ts';
import { registerAuditVerify } from './audit-verify.ts';
import { registerAwait } from './await.ts';
import { registerConfig } from './config.ts';
import { registerDemo } from './demo.ts';
import { registerDlq } from './dlq.ts';
import { registerDoctor } from './doctor.ts';
import { registerEventCheck } from './event-check.ts';
import { registerEvents } from './events.ts';
import { registerInbox } from './inbox.ts';
import { registerIntake } from './intake.ts';
import { registerKeysExport } from './keys-export.ts';
import { registerList } from './list.ts';
import { registerOpen } from './open.ts';
import { registerPublish } from './publish.ts';
import { registerReconcile } from './reconcile.ts';
import { registerRegistry } from './registry.ts';
import { registerReplay } from './replay/register.ts';
import { registerRetries } from './retries.ts';
import { registerSeal } from './seal.ts';
import { registerShow } from './show.ts';
import { registerSources } from './sources.ts';
import { registerStatus } from './status.ts';
import { registerSweep } from './sweep.ts';
import { registerTopics } from './topics.ts';
import { registerVerify } from './verify.ts';
import { registerWorker } from './worker.ts';

/** Every command, in the order of `callseal --help`. */
export const COMMANDS: readonly Register[] = [
  registerDemo,
  registerWorker,
  registerPublish,
  registerEventCheck,
  registerSeal,
  registerAwait,
  registerList,
  registerShow,
  registerStatus,
  registerOpen,
  registerVerify,
  registerEvents,
  registerAuditVerify,
  registerDlq,
  registerRetries,
  registerIntake,
  registerInbox,
  registerReplay,
  registerReconcile,
  registerSweep,
  registerSources,
  registerKeysExport,
  registerRegistry,
  registerTopics,
  registerConfig,
  registerDoctor,
];
