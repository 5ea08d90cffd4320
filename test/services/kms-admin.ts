import { Agent, request } from 'node:https';
import type { DenyRule } from './kms/access.ts';
import type { Fault } from './kms/faults.ts';
import type { RequestLogEntry } from './kms/request-log.ts';

/** The stand-in's admin endpoint: its request log, and what shall go wrong. */
export class KmsAdmin {
  readonly #endpoint: string;
  readonly #agent: Agent;
  readonly #secret: string;

  constructor(endpoint: string, ca: string, secret: string) {
    this.#endpoint = endpoint;
    this.#agent = new Agent({ ca });
    this.#secret = secret;
  }

  /** All entries since the state folder was made, oldest first. */
  async requests(): Promise<readonly RequestLogEntry[]> {
    const text = await this.#call('GET', '/admin/requests');
    return text
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => JSON.parse(line) as RequestLogEntry);
  }

  /** Replaces all faults; none given: everything works again. */
  async setFaults(...faults: readonly Fault[]): Promise<void> {
    await this.#call('PUT', '/admin/faults', faults);
  }

  async faultsInForce(): Promise<readonly Fault[]> {
    return JSON.parse(await this.#call('GET', '/admin/faults')) as readonly Fault[];
  }

  /** Replaces the deny rules that hold for every caller beside those of the seed. */
  async setDenyRules(...rules: readonly DenyRule[]): Promise<void> {
    await this.#call('PUT', '/admin/deny', rules);
  }

  async #call(method: string, path: string, body?: unknown): Promise<string> {
    const { promise, resolve, reject } = Promise.withResolvers<string>();
    const headers = { authorization: `Bearer ${this.#secret}` };
    const sent = request(
      new URL(path, this.#endpoint),
      { method, headers, agent: this.#agent },
      (response) => {
        const parts: Buffer[] = [];
        response.on('data', (part: Buffer) => parts.push(part));
        response.on('error', reject);
        response.on('end', () => {
          const text = Buffer.concat(parts).toString('utf8');
          if (response.statusCode === 200) resolve(text);
          else reject(new Error(`${method} ${path}: ${response.statusCode} ${text.trim()}`));
        });
      },
    );
    sent.on('error', reject);
    sent.end(body === undefined ? undefined : JSON.stringify(body));
    return await promise;
  }
}
