import type { Command } from 'commander';
import type { LoadedSettings } from '../config/load-settings.ts';
import type { Events } from '../ports/events.ts';
import type { Inbox } from '../ports/inbox.ts';
import type { Jobs } from '../ports/jobs.ts';
import type { Keys } from '../ports/keys.ts';
import type { Objects } from '../ports/objects.ts';
import type { Registry } from '../ports/registry.ts';
import type { Sources } from '../ports/sources.ts';
import type { Voice } from './voice.ts';

/** The seven ports, opened. */
export interface Ports {
  readonly inbox: Inbox;
  readonly events: Events;
  readonly sources: Sources;
  readonly objects: Objects;
  readonly keys: Keys;
  readonly registry: Registry;
  readonly jobs: Jobs;
}

export interface WorkerOptions {
  /** End once nothing is due and nothing is in hand. */
  readonly untilIdle: boolean;
}

/** What the composition root hands over: everything a command may use that knows an adapter. */
export interface Opened {
  readonly ports: Ports;
  /** The one that main.ts runs. Resolves after a drain; rejects when the worker cannot go on. */
  runWorker(options: WorkerOptions, signal: AbortSignal): Promise<void>;
  /** In reverse order of opening, bounded in time. @throws AggregateError */
  close(): Promise<void>;
}

/** One line of `doctor`. */
export interface Check {
  readonly name: string;
  readonly ok: boolean;
  readonly finding: string;
  /** What to type or change where it is not ok. */
  readonly hint?: string;
}

/** What a command is handed. Nothing is read or opened before it is asked for, so `--help` needs no settings. */
export interface App {
  readonly voice: Voice;
  /** Aborts on the first signal; the second ends the process. */
  readonly signal: AbortSignal;
  /** `--ticket`: what audit events of this command carry. */
  readonly ticket: string | undefined;
  /** @throws CallsealError BAD_CONFIG */
  readonly settings: () => Promise<LoadedSettings>;
  readonly ports: () => Promise<Ports>;
  readonly runWorker: (options: WorkerOptions) => Promise<void>;
  /** Checks of the process and the machine; `doctor` prints them. */
  readonly checks: () => Promise<readonly Check[]>;
  /** Ends with this code though nothing was thrown: something was found wanting, or only a part was done. */
  readonly exitWith: (code: number) => void;
}

/** Each file of commands/ that is a command exports one of these. */
export type Register = (program: Command, app: App) => void;
