import type { Command } from 'commander';
import type { LoadedSettings } from '../config/load-settings.ts';
import type { Finding } from '../domain/findings.ts';
import type { Ports } from '../ports/ports.ts';
import type { RegistryAdmin } from '../ports/registry-admin.ts';
import type { Principals, TopicAdmin } from '../ports/topic-admin.ts';
import type { AcceptRestoreParts } from '../work/accept-restore.ts';
import type { Auditor } from '../work/auditor.ts';
import type { Desk } from '../work/desk.ts';
import type { Observer } from '../work/observer.ts';
import type { SkipParts } from '../work/skip-record.ts';
import type { Voice } from './voice.ts';

export interface WorkerOptions {
  /** End once nothing is due and nothing is in hand. */
  readonly untilIdle: boolean;
}

/** What the composition root hands over: everything a command may use that knows an adapter. */
export interface Opened {
  readonly ports: Ports;
  readonly desk: Desk;
  /** The one that main.ts runs. Resolves after a drain; rejects when the worker cannot go on. */
  runWorker(options: WorkerOptions, observer: Observer, signal: AbortSignal): Promise<void>;
  /** In reverse order of opening, bounded in time. @throws AggregateError */
  close(): Promise<void>;
}

/** Another role of the registry's database than the one in the settings. A password is only ever a file. */
export interface Login {
  readonly user?: string;
  readonly passwordFile?: string;
}

/** For the commands that look after the registry's database; whoever asked for it closes `admin`. */
export interface RegistryDesk {
  readonly admin: RegistryAdmin;
  readonly auditor: Auditor;
}

/** For the commands about a registry that was put back; whoever asked for it closes it. */
export interface RestoreDesk {
  readonly parts: AcceptRestoreParts;
  close(): Promise<void>;
}

/** For `inbox skip`; whoever asked for it closes it. */
export interface SkipDesk {
  readonly parts: SkipParts;
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

/** A look at one dependency of the settings, for `doctor --connect`. */
export interface Probe {
  /** The block of the settings that it stands for: `objects`, `registry`, … */
  readonly dependency: string;
  /** Leaves nothing behind. @throws the signal's reason */
  look(signal: AbortSignal): Promise<readonly Finding[]>;
}

/** What a command is handed. Nothing is read or opened before it is asked for, so `--help` needs no settings. */
export interface App {
  readonly voice: Voice;
  /** Aborts on the first signal; the second ends the process. */
  readonly signal: AbortSignal;
  /** `--ticket`: what audit events of this command carry. */
  readonly ticket: string | undefined;
  readonly version: string;
  /** @throws CallsealError BAD_CONFIG */
  readonly settings: () => Promise<LoadedSettings>;
  readonly ports: () => Promise<Ports>;
  readonly desk: () => Promise<Desk>;
  /** @throws CallsealError BAD_CONFIG - also where the registry is no database server */
  readonly registryDesk: (login: Login) => Promise<RegistryDesk>;
  readonly restoreDesk: () => Promise<RestoreDesk>;
  readonly skipDesk: () => Promise<SkipDesk>;
  /** Whoever asked for it closes it. @throws CallsealError BAD_CONFIG - also where there is no cluster */
  readonly topicDesk: (principals: Principals) => Promise<TopicAdmin>;
  /** Until `signal` aborts, the process's own where none is given. */
  readonly runWorker: (options: WorkerOptions, observer?: Observer, signal?: AbortSignal) => Promise<void>;
  /** Checks of the process and the machine; `doctor` prints them. */
  readonly checks: () => Promise<readonly Check[]>;
  /** One for each dependency that is a service, in the order of the settings. Nothing is opened yet. */
  readonly probes: () => Promise<readonly Probe[]>;
  /** Ends with this code though nothing was thrown: something was found wanting, or only a part was done. */
  readonly exitWith: (code: number) => void;
}

/** Each file of commands/ that is a command exports one of these. */
export type Register = (program: Command, app: App) => void;
