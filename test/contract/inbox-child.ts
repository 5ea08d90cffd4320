import { fault } from '../../src/domain/crash-points.ts';
import { answerTo, openWorld } from './inbox-worlds.ts';

/**
 * Another process on the deployment under test:
 *
 *   publish TOPIC WRITER COUNT   events whose key is tenant/WRITER and whose value is their number
 *   outputs WRITER COUNT         outcome records, one publish each
 *   settle                       runs until idle; an outcome record for every delivery
 *   hand-over                    runs until idle; hands first deliveries over, due at once, and settles the second
 *   hold                         runs until it is killed, says `running` when it has a delivery in hand
 *
 * Every line it prints is one acknowledged step.
 */
const [kind = '', location = '', command = '', ...args] = process.argv.slice(2);
const opened = await openWorld(kind, location);
const { inbox, events } = opened;
const { signal } = new AbortController();
const say = (line: string): void => void process.stdout.write(`${line}\n`);

async function publish([topic = '', writer = '', count = '']: string[]): Promise<void> {
  for (let i = 0; i < Number(count); i++) {
    const key = `tenant/${writer}`;
    await inbox.publish({ topic, key, headers: {}, value: Buffer.from(String(i)) }, signal);
    say(String(i));
  }
}

async function outputs([writer = '', count = '']: string[]): Promise<void> {
  for (let i = 0; i < Number(count); i++) {
    const id = `${writer}-${i}`;
    await events.publish(
      [{ topic: 'outcome', key: writer, id, headers: {}, value: Buffer.from(id) }],
      signal,
    );
    say(id);
  }
}

async function settle(): Promise<void> {
  await inbox.run(
    async (delivery) => {
      fault('after-read');
      return { do: 'settle', outputs: [answerTo(delivery)] };
    },
    { untilIdle: true },
    signal,
  );
}

async function handOver(): Promise<void> {
  await inbox.run(
    async (delivery) =>
      delivery.counted > 0
        ? { do: 'settle', outputs: [answerTo(delivery)] }
        : { do: 'hand-over', dueAt: new Date(0), counted: 1, firstFailedAt: '2026-01-01T00:00:00.000Z' },
    { untilIdle: true },
    signal,
  );
}

async function hold(): Promise<void> {
  await inbox.run(
    async () => {
      say('running');
      await new Promise(() => setInterval(() => undefined, 60_000));
      return { do: 'leave' };
    },
    { untilIdle: false },
    signal,
  );
}

const COMMANDS: Readonly<Record<string, (args: string[]) => Promise<void>>> = {
  publish,
  outputs,
  settle,
  'hand-over': handOver,
  hold,
};
await COMMANDS[command]?.(args);
await opened.close();
