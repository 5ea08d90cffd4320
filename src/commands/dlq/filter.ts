import type { Command } from 'commander';
import { Option } from 'commander';
import { parseDuration } from '../../config/units.ts';
import { CallsealError, type Code, isCode } from '../../domain/errors.ts';
import { isId } from '../../domain/ids.ts';
import { PARKED_STATES, type ParkedFilter, type ParkedState } from '../../ports/parked.ts';
import { STAGES, type Stage } from '../../work/fingerprint.ts';
import { type CallRef, callRef, id } from '../words.ts';

/** What is typed to say which dead letters are meant. */
export interface FilterOptions {
  readonly tenant?: string;
  readonly call?: CallRef;
  readonly code?: Code;
  readonly stage?: Stage;
  readonly fingerprint?: string;
  readonly since?: Date;
  readonly until?: Date;
  readonly workerVersion?: string;
  readonly replays?: number;
  readonly origin?: NonNullable<ParkedFilter['origin']>;
  readonly state?: ParkedState | 'any';
}

/** The options that narrow a list of dead letters; each narrows it further. */
export function filterOptions(command: Command): Command {
  return command
    .option('--code <code>', 'only of this cause', errorCode)
    .option('--fingerprint <hex>', 'only with a fingerprint that begins like this', fingerprint)
    .option('--tenant <id>', 'only of this tenant', id)
    .option('--call <tenant/call>', 'only of this call', callRef)
    .addOption(new Option('--stage <stage>', 'only of this stage').choices(STAGES))
    .option('--since <time>', 'parked since: an age such as 24h, or an ISO time', moment('--since'))
    .option('--until <time>', 'parked before: an age, or an ISO time', moment('--until'))
    .option('--worker-version <version>', 'only what a worker of this version parked', version)
    .option('--replays <n>', 'only what was replayed at least so often', replays)
    .option('--origin <place>', 'only from this topic/partition/offset', place);
}

/** For lists; without it, what waits. */
export function stateOption(command: Command): Command {
  const option = new Option('--state <state>', 'waiting, replayed, discarded, or any of them');
  return command.addOption(option.choices([...PARKED_STATES, 'any']).default('waiting'));
}

/** @param state - what is meant where the command has no option for it */
export function filterOf(options: FilterOptions, state?: ParkedState): ParkedFilter {
  const { call, since, until, code, stage, fingerprint: print, workerVersion, origin } = options;
  const tenant = call?.tenant ?? options.tenant;
  const wanted = state ?? (options.state === 'any' ? undefined : options.state);
  return {
    ...(tenant !== undefined && { tenant }),
    ...(call !== undefined && { call: call.call }),
    ...(code !== undefined && { code }),
    ...(stage !== undefined && { stage }),
    ...(print !== undefined && { fingerprint: print }),
    ...(since !== undefined && { since: since.toISOString() }),
    ...(until !== undefined && { until: until.toISOString() }),
    ...(workerVersion !== undefined && { workerVersion }),
    ...(options.replays !== undefined && { replays: options.replays }),
    ...(origin !== undefined && { origin }),
    ...(wanted !== undefined && { state: wanted }),
  };
}

/** For how long a fingerprint that was not there before counts as new. */
const NEW_FOR_MS = 24 * 3_600_000;

/** Fingerprints first seen at this time or later are new: since `--since`, or in the last 24 hours. */
export function newSince({ since }: FilterOptions): string {
  return (since ?? new Date(Date.now() - NEW_FOR_MS)).toISOString();
}

export function errorCode(text: string): Code {
  if (isCode(text)) return text;
  throw usage('--code must be an error code, such as EVENT_SHAPE', text);
}

function fingerprint(text: string): string {
  if (/^[0-9a-f]{4,64}$/.test(text)) return text;
  throw usage('--fingerprint must be 4 to 64 digits of a fingerprint, in lower case', text);
}

function version(text: string): string {
  if (/^[A-Za-z0-9.+-]{1,64}$/.test(text)) return text;
  throw usage('--worker-version must be a version, such as 1.2.3', text);
}

function replays(text: string): number {
  if (/^\d{1,6}$/.test(text)) return Number(text);
  throw usage('--replays must be a whole number', text);
}

const PLACE = /^([A-Za-z0-9._-]{1,249})\/(\d{1,9})\/(\d{1,15})$/;

export function place(text: string): NonNullable<ParkedFilter['origin']> {
  const [, topic, partition, offset] = PLACE.exec(text) ?? [];
  if (topic !== undefined && isId(topic.slice(0, 128))) {
    return { topic, partition: Number(partition), offset: Number(offset) };
  }
  throw usage('an origin is TOPIC/PARTITION/OFFSET, such as callseal.calls.completed/0/7', text);
}

const ISO = /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d{1,3})?)?(Z|[+-]\d\d:\d\d))?$/;

function moment(option: string): (text: string) => Date {
  return (text) => {
    const ago = parseDuration(text);
    const at = ago === undefined && ISO.test(text) ? Date.parse(text) : Date.now() - (ago ?? Number.NaN);
    if (!Number.isNaN(at)) return new Date(at);
    throw usage(`${option} must be an age such as 90m or 7d, or an ISO time such as 2026-11-24T10:00Z`, text);
  };
}

function usage(message: string, text: string): CallsealError {
  return new CallsealError('USAGE', `${message}, not ${JSON.stringify(text)}`);
}
