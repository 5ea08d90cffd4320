import { type ChildProcess, spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import { constants, setPriority } from 'node:os';
import { extname, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Frame, FrameReader } from './framing.ts';

const here = (relative: string): string => fileURLToPath(new URL(relative, import.meta.url));
/** What a child runs: as source, or as built. */
const PROGRAM = here(`./child/program${extname(import.meta.filename)}`);
const MiB = 2 ** 20;

export interface ChildEvents {
  onFrame(frame: Frame): void;
  /** Once: it ended by itself, or said what cannot be read. Not told of a child that we have killed. */
  onEnd(why: 'failed' | 'out-of-memory'): void;
}

/**
 * A process that decodes: no environment, no inspector, no files but its own code to read and none to write, and
 * a low priority, so that it takes next to no time from the sealing; not the lowest, since a sealing waits for it. What it is given goes through its stdin. When
 * this process dies, however that happens, the third pipe closes and the child kills itself (child/watchdog.ts).
 */
export class DecoderChild {
  readonly #process: ChildProcess;
  readonly #events: ChildEvents;
  readonly #reader = new FrameReader();
  #isOver = false;
  #isOutOfMemory = false;
  /** The process is reaped, and its pipes are closed. Never rejects. */
  readonly gone: Promise<void>;

  constructor(memoryBytes: number, events: ChildEvents, program = PROGRAM) {
    this.#events = events;
    const args = [...nodeOptions(memoryBytes, program), program, String(memoryBytes)];
    const child = spawn(process.execPath, args, {
      cwd: '/',
      env: {},
      stdio: ['pipe', 'pipe', 'ignore', 'pipe'],
    });
    this.#process = child;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.gone = promise;
    child.on('close', resolve);
    child.on('exit', () => this.#end());
    child.on('error', () => this.#notStarted(resolve));
    // A pipe breaks because the process ends, and that is told above.
    for (const pipe of child.stdio) pipe?.on('error', () => undefined);
    child.stdout?.on('data', (chunk: Buffer) => this.#read(chunk));
    child.stdio[3]?.on('data', () => (this.#isOutOfMemory = true));
    if (child.pid !== undefined) lowerPriority(child.pid);
  }

  /** The frame is written when the child reads it; it is not copied. */
  send(frame: Buffer): void {
    if (!this.#isOver) this.#process.stdin?.write(frame);
  }

  kill(): void {
    this.#isOver = true;
    this.#process.kill('SIGKILL');
    for (const pipe of this.#process.stdio) pipe?.destroy();
  }

  #read(chunk: Buffer): void {
    try {
      for (const frame of this.#reader.frames(chunk)) if (!this.#isOver) this.#events.onFrame(frame);
    } catch {
      this.#end();
    }
  }

  #end(): void {
    if (this.#isOver) return;
    // What it wrote before it ended is already here, or will not be waited for.
    this.kill();
    this.#events.onEnd(this.#isOutOfMemory ? 'out-of-memory' : 'failed');
  }

  #notStarted(resolve: () => void): void {
    if (this.#process.pid === undefined) resolve();
    this.#end();
  }
}

function nodeOptions(memoryBytes: number, program: string): string[] {
  const codec = codecFolder();
  const readable = [here('../../'), here('../../../package.json'), codec.folder, program];
  return [
    `--max-old-space-size=${Math.floor(memoryBytes / 2 / MiB)}`,
    '--no-warnings',
    '--disable-proto=delete',
    '--disable-sigusr1',
    '--permission',
    '--allow-worker',
    codec.isNative ? '--allow-addons' : '--no-addons',
    ...readable.map((path) => `--allow-fs-read=${path}`),
  ];
}

/** Where the packages lie that a child needs, and whether a native codec is among them. */
function codecFolder(): { readonly folder: string; readonly isNative: boolean } {
  const require = createRequire(import.meta.url);
  const path = require.resolve('prism-media');
  const packages = `${sep}node_modules${sep}`;
  const folder = path.slice(0, path.lastIndexOf(packages) + packages.length);
  try {
    require.resolve('@discordjs/opus');
    return { folder, isNative: true };
  } catch {
    return { folder, isNative: false };
  }
}

function lowerPriority(pid: number): void {
  try {
    setPriority(pid, constants.priority.PRIORITY_BELOW_NORMAL);
  } catch {
    // It has ended already, or the system has no priorities: it decodes all the same.
  }
}
