import type { Command } from 'commander';
import { type Place, placeText } from '../domain/deliveries.ts';
import { CallsealError } from '../domain/errors.ts';
import { skipRecord } from '../work/skip-record.ts';
import type { App } from './app.ts';
import { example, group } from './frame.ts';
import { id } from './words.ts';

/** `callseal inbox skip`: a partition that stands still at a record that nobody can read goes on behind it. */
export function registerInbox(program: Command, app: App): void {
  example(
    group(program, 'inbox', 'the topics that a worker reads')
      .command('skip')
      .description(
        "step over one record that nobody can read; needs --ticket and the worker's certificate, whose transactional ids it takes; audited, workers go on",
      )
      .requiredOption('--topic <name>', 'where it stands', id)
      .requiredOption('--partition <number>', 'where it stands', wholeNumber)
      .requiredOption('--offset <number>', 'the record that cannot be read', wholeNumber)
      .action((place: Place) => skip(app, place)),
    'callseal inbox skip --topic callseal.calls.completed --partition 3 --offset 41822 --ticket OPS-1',
  );
}

async function skip({ skipDesk, signal, voice, ticket }: App, place: Place): Promise<void> {
  if (ticket === undefined) {
    throw new CallsealError('USAGE', 'a record is skipped under a ticket: the audit event carries it');
  }
  const { topic, partition, offset } = place;
  const desk = await skipDesk();
  try {
    await skipRecord(desk.parts, place, signal);
    await voice.document({ topic, partition, offset, skipped: true }, () => [`skipped ${placeText(place)}`]);
    voice.say('the worker that has the partition goes on within some seconds');
  } finally {
    await desk.close();
  }
}

function wholeNumber(text: string): number {
  const value = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
  if (Number.isSafeInteger(value)) return value;
  throw new CallsealError('USAGE', `this must be a whole number from 0, not ${JSON.stringify(text)}`);
}
