import type { Scratch } from '../ports/scratch.ts';
import type { Auditor } from './auditor.ts';
import type { DeadLetters } from './dead-letters.ts';
import type { Tenants } from './tenant-directory.ts';

/** What work and commands need beside the ports; made from the settings, in the name of one process. */
export interface Desk {
  readonly auditor: Auditor;
  readonly letters: DeadLetters;
  readonly tenants: Tenants;
  readonly openScratch: () => Promise<Scratch>;
}
