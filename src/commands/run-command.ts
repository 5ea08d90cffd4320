import { resolve } from 'node:path';
import { CommanderError } from 'commander';
import { type Flag, type LoadedSettings, loadSettings } from '../config/load-settings.ts';
import { CallsealError, EXIT, exitOf } from '../domain/errors.ts';
import type { Principals, TopicAdmin } from '../ports/topic-admin.ts';
import { COMMANDS } from './all.ts';
import type { App, Check, Login, Opened, Probe, RegistryDesk, RestoreDesk, SkipDesk } from './app.ts';
import { addCommands, emptyProgram, type GlobalOptions } from './frame.ts';
import { createVoice, type Sink, type Voice } from './voice.ts';

/** What cli.ts gives a command of the world outside commands/: the process, its checks, the composition root. */
export interface Host {
  readonly version: string;
  readonly stdout: Sink;
  readonly stderr: Sink;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly folder: string;
  readonly signal: AbortSignal;
  /** Sentences about how the process was started; refused together with bad settings. */
  startProblems(): readonly string[];
  checks(loaded: LoadedSettings): Promise<readonly Check[]>;
  probes(loaded: LoadedSettings): Promise<readonly Probe[]>;
  /** Loads the adapters and opens them; called at most once, and only by a command that needs them. */
  open(loaded: LoadedSettings, request: OpenRequest): Promise<Opened>;
  /** Without opening anything else, and as another user where `login` names one. */
  registryDesk(loaded: LoadedSettings, request: OpenRequest, login: Login): Promise<RegistryDesk>;
  /** Opens everything once more, and the inbox from its other side. */
  restoreDesk(loaded: LoadedSettings, request: OpenRequest): Promise<RestoreDesk>;
  /** The same, for one record that nobody can read. */
  skipDesk(loaded: LoadedSettings, request: OpenRequest): Promise<SkipDesk>;
  /** Without opening anything else. */
  topicDesk(loaded: LoadedSettings, principals: Principals): Promise<TopicAdmin>;
}

export interface OpenRequest {
  readonly version: string;
  readonly ticket: string | undefined;
  /** Says something to the operator: a loud notice. */
  readonly say: (message: string) => void;
}

/** Words to one command to an exit code. Never rejects. */
export async function runCommand(words: readonly string[], host: Host): Promise<number> {
  const program = emptyProgram(host.version, {
    out: (text) => host.stdout.write(text),
    error: (text) => host.stderr.write(text),
  });
  const options = (): GlobalOptions => program.opts<GlobalOptions>();
  const voice = createVoice(host.stdout, host.stderr, () => options().json ?? false);
  const app = createApp(host, voice, options);
  addCommands(program, COMMANDS, app);
  let code: number;
  try {
    await program.parseAsync(words, { from: 'user' });
    code = app.exitCode();
  } catch (error) {
    code = report(error, voice);
  }
  return await app.close().then(
    () => code,
    (error: unknown) => report(error, voice),
  );
}

interface RunningApp extends App {
  exitCode(): number;
  close(): Promise<void>;
}

function createApp(host: Host, voice: Voice, options: () => GlobalOptions): RunningApp {
  let exitCode: number = EXIT.ok;
  const settings = once(async () => await loadSettings(requestOf(host, voice, options())));
  const opened = once(async () => await host.open(await settings(), openRequest()));
  const openRequest = (): OpenRequest => ({
    version: host.version,
    ticket: options().ticket,
    say: (message) => voice.say(message),
  });
  return {
    voice,
    signal: host.signal,
    version: host.version,
    get ticket() {
      return options().ticket;
    },
    settings,
    ports: async () => (await opened()).ports,
    desk: async () => (await opened()).desk,
    registryDesk: async (login) => await host.registryDesk(await settings(), openRequest(), login),
    restoreDesk: async () => await host.restoreDesk(await settings(), openRequest()),
    skipDesk: async () => await host.skipDesk(await settings(), openRequest()),
    topicDesk: async (principals) => await host.topicDesk(await settings(), principals),
    runWorker: async (worker, observer = {}, until = host.signal) =>
      await (await opened()).runWorker(worker, observer, until),
    checks: async () => await host.checks(await settings()),
    probes: async () => await host.probes(await settings()),
    exitWith: (code) => {
      exitCode = code;
    },
    exitCode: () => exitCode,
    close: async () => await (await opened.ifStarted())?.close(),
  };
}

function requestOf(host: Host, voice: Voice, options: GlobalOptions) {
  const isUnnamed = options.profile === undefined && host.environment['CALLSEAL_PROFILE'] === undefined;
  if (isUnnamed && options.defaultProfile !== undefined && !voice.json) {
    voice.say(`profile ${options.defaultProfile} (--profile names another)`);
  }
  return {
    profile: options.profile,
    fallbackProfile: options.defaultProfile,
    file: options.config,
    environment: host.environment,
    folder: host.folder,
    flags: flagsOf(options, host.folder),
    alsoWrong: host.startProblems(),
  };
}

function flagsOf({ data, keys }: GlobalOptions, folder: string): Flag[] {
  const flags: Flag[] = [];
  if (data !== undefined) flags.push({ path: ['data'], value: data, flag: '--data' });
  // Without `kind`: under another kind of keys the strict schema refuses it, naming the flag.
  // Absolute, since in a file it would be relative to the data folder.
  if (keys !== undefined)
    flags.push({ path: ['keys', 'file'], value: resolve(folder, keys), flag: '--keys' });
  return flags;
}

/** Says what went wrong and returns the exit code. */
function report(error: unknown, voice: Voice): number {
  if (error instanceof CommanderError) return reportUsage(error, voice);
  if (error instanceof CallsealError) {
    if (error.code === 'STOPPING') voice.say('interrupted');
    else voice.error(error.message);
    if (error.hint !== undefined) voice.hint(error.hint);
    return exitOf(error.code);
  }
  if (error instanceof Error && error.name === 'AbortError') {
    voice.say('interrupted');
    return EXIT.interrupted;
  }
  if (error instanceof AggregateError) {
    voice.error(error.message);
    return Math.max(...error.errors.map((inner: unknown) => report(inner, voice)));
  }
  // Not the message of a stranger's error: it may quote what it choked on.
  voice.error(`something unexpected happened: ${error instanceof Error ? where(error) : typeof error}`);
  voice.hint('this is a defect of callseal; please report the line above');
  return EXIT.unexpected;
}

function reportUsage(error: CommanderError, voice: Voice): number {
  if (error.exitCode === 0) return EXIT.ok;
  if (error.code === 'commander.help') return EXIT.usage; // the help it printed says it all
  const [message = '', suggestion] = error.message.split('\n');
  voice.error(inOurVoice(message.replace(/^error: /, '')));
  // Commander puts it into a line of its own, in brackets.
  if (suggestion !== undefined) voice.hint(inOurVoice(suggestion.replace(/^\(|\)$/g, '')));
  voice.hint('callseal --help, or callseal COMMAND --help');
  return EXIT.usage;
}

/** Commander's sentences as one without capitals and full stops; what was typed stays as it is. */
function inOurVoice(sentences: string): string {
  return sentences
    .replace(/\.$/, '')
    .replace('. Allowed choices are ', '; allowed: ')
    .replace(/\. Expected (\d+)/, '; expected $1')
    .replace(/^Did you mean/, 'did you mean');
}

function where(error: Error): string {
  const frame = /\/((?:src|dist)\/[\w./-]+:\d+):\d+/.exec(error.stack ?? '')?.[1];
  const code = 'code' in error && typeof error.code === 'string' ? ` ${error.code}` : '';
  return `${error.name}${code}${frame === undefined ? '' : ` at ${frame}`}`;
}

/** Runs `make` on first use only. A rejection stays, too: nothing is opened twice. */
function once<T>(make: () => Promise<T>): { (): Promise<T>; ifStarted(): Promise<T | undefined> } {
  let made: Promise<T> | undefined;
  const get = async (): Promise<T> => await (made ??= make());
  return Object.assign(get, { ifStarted: async () => await made?.catch(() => undefined) });
}
