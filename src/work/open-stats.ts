import { madeId } from '../domain/artifacts.ts';
import { CallsealError } from '../domain/errors.ts';
import { PCM_STATS_VERSION, type RecordingStats } from '../domain/recording-stats.ts';
import { type OpenRequest, openArtifact, type ReadingParts } from './open-artifact.ts';

/**
 * The statistics that were sealed beside a recording. Opened like any other artifact: for a reason, and audited.
 *
 * @param request - names the recording.
 * @throws CallsealError NOT_FOUND - it has none; what `openArtifact` throws
 */
export async function openStats(
  parts: ReadingParts,
  request: Omit<OpenRequest, 'range'>,
  signal: AbortSignal,
): Promise<RecordingStats> {
  const artifact = madeId(request.artifact, 'stats');
  const { plaintext } = await openArtifact(parts, { ...request, artifact }, signal);
  const stats: RecordingStats = JSON.parse(Buffer.concat(await Array.fromAsync(plaintext)).toString());
  const version: number = stats.version;
  if (version === PCM_STATS_VERSION) return stats;
  throw new CallsealError('NOT_FOUND', `these statistics are of version ${version}, unknown here`);
}
