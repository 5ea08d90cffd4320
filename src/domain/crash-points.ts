/**
 * Named steps at which the crash tests end the process. Nothing happens at them unless a hook was put in place
 * before the start (`--import test/faults/hook.ts`).
 */
export type CrashPoint =
  | 'after-read'
  | 'after-attempt'
  | 'after-key'
  | 'mid-artifact'
  | 'before-object-visible'
  | 'after-object-visible'
  | 'after-artifact'
  | 'before-decision'
  | 'in-decision'
  | 'after-decision'
  | 'in-settle'
  | 'after-settle'
  | 'after-sequence'
  | 'after-relay-publish'
  | 'after-relay-mark'
  | 'before-object-delete'
  | 'after-object-delete'
  | 'after-replay-claim'
  | 'after-replay-publish'
  | 'after-replay-mark';

type CrashHook = (point: CrashPoint) => void;

declare global {
  var callsealCrashHook: CrashHook | undefined;
}

export function fault(point: CrashPoint): void {
  globalThis.callsealCrashHook?.(point);
}
