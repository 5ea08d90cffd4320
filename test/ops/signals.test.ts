import { EventEmitter } from 'node:events';
import { expect, test } from 'vitest';
import { stopSignals } from '../../src/ops/signals.ts';

class FakeProcess extends EventEmitter {
  readonly exits: number[] = [];
  exit(code: number): void {
    this.exits.push(code);
  }
}

for (const first of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  test(`${first} first drains; the second signal, whichever it is, leaves at once with 130`, () => {
    const process = new FakeProcess();
    let said = 0;
    const { signal } = stopSignals(process, () => said++);
    expect(signal.aborted).toBe(false);
    process.emit(first);
    expect([signal.aborted, process.exits, said]).toEqual([true, [], 1]);
    process.emit('SIGINT');
    expect([process.exits, said]).toEqual([[130], 1]);
  });
}

test('released signals are the process’s own again', () => {
  const process = new FakeProcess();
  stopSignals(process, () => undefined).release();
  expect(process.eventNames()).toEqual([]);
});
