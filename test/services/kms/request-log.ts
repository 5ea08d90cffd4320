import { closeSync, openSync, readFileSync, writeSync } from 'node:fs';
import type { Trace } from './request.ts';

/** One line for each request that got as far as a known access key, written before its reply: our CloudTrail. */
export interface RequestLogEntry extends Trace {
  readonly requestId: string;
  readonly time: string;
  readonly accessKeyId: string;
  readonly role: string;
  readonly operation: string;
  /** `ok`, or the name of the exception. */
  readonly outcome: string;
  /** Present when the reply was dropped on demand: the caller never learnt the outcome. */
  readonly replyDropped?: true;
}

/** An NDJSON file. Not synced: it has to outlive our process, not the machine. */
export class RequestLog {
  readonly #path: string;
  readonly #file: number;

  constructor(path: string) {
    this.#path = path;
    this.#file = openSync(path, 'a', 0o600);
  }

  write(entry: RequestLogEntry): void {
    writeSync(this.#file, `${JSON.stringify(entry)}\n`);
  }

  text(): string {
    return readFileSync(this.#path, 'utf8');
  }

  close(): void {
    closeSync(this.#file);
  }
}
