import type { Decoder } from './decoder.ts';
import type { Events } from './events.ts';
import type { Inbox } from './inbox.ts';
import type { Jobs } from './jobs.ts';
import type { Keys } from './keys.ts';
import type { Objects } from './objects.ts';
import type { Registry } from './registry.ts';
import type { Sources } from './sources.ts';

/** The eight ports, opened. */
export interface Ports {
  readonly inbox: Inbox;
  readonly events: Events;
  readonly sources: Sources;
  readonly objects: Objects;
  readonly keys: Keys;
  readonly registry: Registry;
  readonly jobs: Jobs;
  readonly decoder: Decoder;
}
