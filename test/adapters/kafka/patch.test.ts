import { createRequire } from 'node:module';
import { describe, expect, test, vi } from 'vitest';
import { patchConnects, patchTimers } from '../../../src/adapters/kafka/patch.ts';

const require = createRequire(import.meta.url);

describe('the client, patched', () => {
  test('is of the version that it was written for, and the parts are where they were', () => {
    expect(require('kafkajs/package.json').version).toBe('2.2.4');
    expect(patchTimers).not.toThrow();
    expect(patchConnects).not.toThrow();
  });

  test('arms no timer while no request waits, and one while one does', () => {
    patchTimers();
    vi.useFakeTimers();
    const Queue = require('kafkajs/src/network/requestQueue');
    const queue = new Queue({ maxInFlightRequests: 1, logger: { debug: () => undefined } });
    queue.checkPendingRequests();
    expect(vi.getTimerCount()).toBe(0);
    queue.throttledUntil = Date.now() + 1000;
    queue.pending.push({ send: () => undefined, expectResponse: true });
    queue.scheduleCheckPendingRequests();
    queue.scheduleCheckPendingRequests();
    expect(vi.getTimerCount()).toBe(1);
    vi.runAllTimers();
    expect(queue.pending).toEqual([]);
    expect(vi.getTimerCount()).toBe(0);
    vi.useRealTimers();
  });

  test('opens one socket for requests that find the connection closed together', async () => {
    patchConnects();
    const Connection = require('kafkajs/src/network/connection');
    const opened: (() => void)[] = [];
    const logger = { namespace: () => logger, debug: () => undefined, error: () => undefined };
    const connection = new Connection({
      host: 'localhost',
      port: 1,
      logger,
      connectionTimeout: 1000,
      requestTimeout: 1000,
      socketFactory: ({ onConnect }: { onConnect: () => void }) => {
        opened.push(onConnect);
        return { on: () => undefined, end: () => undefined, unref: () => undefined };
      },
    });
    const both = Promise.all([connection.connect(), connection.connect()]);
    await new Promise((resolve) => setImmediate(resolve));
    expect(opened).toHaveLength(1);
    opened[0]?.();
    expect(await both).toEqual([true, true]);
    await connection.disconnect();
  });
});
