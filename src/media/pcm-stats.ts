import type { PcmStats, RecordingStats } from '../domain/recording-stats.ts';

/** With who is on which channel, as far as the event said it. */
export function withRoles(stats: PcmStats, roles: readonly string[] | undefined): RecordingStats {
  const channels = stats.channels.map((channel, at) => {
    const role = roles?.[at];
    return role === undefined ? channel : { role, ...channel };
  });
  return { ...stats, channels };
}

export function share(part: number, whole: number): number {
  return whole === 0 ? 0 : rounded(part / whole, 4);
}

/** dB of a share of full scale. */
export function decibel(amplitude: number): number | null {
  return amplitude === 0 ? null : rounded(20 * Math.log10(amplitude), 2);
}

export function rounded(value: number, digits: number): number {
  const unit = 10 ** digits;
  // + 0: no -0, which JSON would write as 0 and a comparison tell apart.
  return Math.round(value * unit) / unit + 0;
}
