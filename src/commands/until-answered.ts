import { setTimeout as sleep } from 'node:timers/promises';
import type { AnswerRow } from '../domain/answers.ts';
import { deliveredDigest, type Place, samePlace } from '../domain/deliveries.ts';
import { CallsealError, type Code, codeOf, dispositionOf } from '../domain/errors.ts';
import type { Observer } from '../work/observer.ts';
import type { App } from './app.ts';

const POLL_MS = 20;

/**
 * Waits for the answer of a published event, and works for it where no other worker does.
 *
 * @param timeout - seconds that something may stand in the way before the wait is given up; the event stays
 */
export async function untilAnswered(
  app: App,
  place: Place,
  value: Buffer,
  timeout: number,
): Promise<AnswerRow> {
  const answered = new AbortController();
  const troubles: Trouble[] = [];
  const until = AbortSignal.any([app.signal, answered.signal]);
  const working = app
    .runWorker({ untilIdle: false }, watching(place, troubles), until)
    .catch((error: unknown) => {
      const code = codeOf(error);
      // The answer came before the worker had begun: it was told to stop, and that is all.
      if (code === 'STOPPING' && answered.signal.aborted) return;
      if (code === 'WORKER_RUNNING') {
        troubles.push({ code, at: performance.now() });
        return app.voice.say('a worker is running; waiting for its answer');
      }
      answered.abort(error);
      throw error;
    });
  working.catch(() => undefined); // awaited below
  try {
    return await poll(app, place, value, { timeout, troubles, until });
  } finally {
    answered.abort();
    await working;
  }
}

interface Trouble {
  readonly code: Code;
  readonly at: number;
}

/** What is in the way of this delivery: said, so that somebody can clear it while the command waits. */
function watching(place: Place, troubles: Trouble[]): Observer {
  return {
    failed: (error, { origin }) => {
      if (samePlace(origin, place)) troubles.push({ code: codeOf(error), at: performance.now() });
    },
  };
}

async function poll(
  app: App,
  origin: Place,
  value: Buffer,
  waiting: { readonly timeout: number; readonly troubles: readonly Trouble[]; readonly until: AbortSignal },
): Promise<AnswerRow> {
  const { registry } = await app.ports();
  const key = { origin, replay: 0, deliveredDigest: deliveredDigest(value) };
  let said: Code | undefined;
  for (;;) {
    const row = await registry.answerOf(key, app.signal);
    if (row) return row;
    const [first] = waiting.troubles;
    const last = waiting.troubles.at(-1);
    if (first && last && (!mayPass(last) || isOver(first, waiting.timeout))) {
      throw notAnswered(last.code);
    }
    if (last && last.code !== said && last.code !== 'WORKER_RUNNING')
      app.voice.say(`${last.code}: waiting up to ${waiting.timeout} s`);
    said = last?.code;
    await sleep(POLL_MS, undefined, { signal: waiting.until });
  }
}

/** A dependency may come back, and another worker may get to it; the rest is handed over or left. */
function mayPass({ code }: Trouble): boolean {
  return code === 'WORKER_RUNNING' || dispositionOf(code) === 'pause';
}

function isOver({ at }: Trouble, timeout: number): boolean {
  return performance.now() - at >= timeout * 1000;
}

function notAnswered(code: Code): CallsealError {
  return new CallsealError(code, `${code}: no answer yet; the call stays in the inbox and nothing is lost`, {
    hint: 'once the cause is mended: callseal worker --until-idle',
  });
}
