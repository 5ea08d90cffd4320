/** Loaded with `--import`: the clock of this process is so many hours ahead, as the environment says. */
const aheadMs = Number(process.env['HOURS_LATER']) * 3_600_000;
const now = Date.now.bind(Date);

globalThis.Date = class extends Date {
  constructor(given: number | string | Date = now() + aheadMs) {
    super(given);
  }

  static override now(): number {
    return now() + aheadMs;
  }
} as DateConstructor;
