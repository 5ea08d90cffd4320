import type { Command } from 'commander';
import { placeText } from '../domain/deliveries.ts';
import { codeOf } from '../domain/errors.ts';
import type { Observer } from '../work/observer.ts';
import type { App } from './app.ts';
import { example } from './frame.ts';
import type { Voice } from './voice.ts';

/** `callseal worker`: takes deliveries until a signal, or until nothing is due. */
export function registerWorker(program: Command, app: App): void {
  example(
    program
      .command('worker')
      .description('seal what is in the inbox, until a signal; a second signal leaves at once')
      .option('--until-idle', 'end once nothing is due')
      .action((options: { untilIdle?: boolean }) => work(app, options.untilIdle ?? false)),
    'callseal worker --until-idle',
  );
}

async function work(app: App, untilIdle: boolean): Promise<void> {
  app.voice.say(untilIdle ? 'working until nothing is due' : 'working until a signal');
  await app.runWorker({ untilIdle }, speaking(app.voice));
}

/** A line per answer and per pause, in ids and codes. */
function speaking(voice: Voice): Observer {
  return {
    answered: ({ answer, code, tenant, call, revision }, { origin }) => {
      const whose = tenant === undefined ? 'a delivery' : `${tenant}/${call} revision ${revision}`;
      voice.say(`${answer}: ${whose} (${placeText(origin)})${code === undefined ? '' : ` ${code}`}`);
    },
    failed: (error, { origin }) => voice.say(`no answer yet: ${placeText(origin)} ${codeOf(error)}`),
    intake: (change, { tenant, alias, code }) => {
      const whom = tenant === undefined ? 'everybody' : `tenant ${tenant}${alias ? `, alias ${alias}` : ''}`;
      voice.say(`intake ${change} for ${whom}: ${code}`);
    },
    scheduleRan: (name, counts) => {
      const did = Object.entries(counts).map(([what, count]) => `${count} ${what}`);
      voice.say(`${name}: ${did.join(', ')}`);
    },
    scheduleFailed: (name, { code }) => voice.say(`${name} is late: ${code}`),
    relayFailed: ({ code }) => voice.say(`audit events wait: ${code}`),
  };
}
