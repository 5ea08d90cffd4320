import { Socket } from 'node:net';
import { workerData } from 'node:worker_threads';

/**
 * A thread of its own, since a recording may keep the main one busy for ever. Ends the process when the parent is
 * gone, however it went, and when the process has grown over its limit.
 */
const LIFELINE_FD = 3;
const LOOK_EVERY_MS = 200;
const { memoryBytes }: { readonly memoryBytes: number } = workerData;

const lifeline = new Socket({ fd: LIFELINE_FD, readable: true, writable: true });
const end = (): void => void process.kill(process.pid, 'SIGKILL');
// The parent never writes: all there is to read is the end.
lifeline.on('error', end).on('close', end).resume();
setInterval(() => {
  if (process.memoryUsage.rss() <= memoryBytes) return;
  lifeline.write('m', end); // so that the parent knows which end this was
}, LOOK_EVERY_MS);
