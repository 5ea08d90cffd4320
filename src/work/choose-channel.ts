import { CallsealError } from '../domain/errors.ts';
import type { MediaFacts } from '../domain/media.ts';

/**
 * The number, from 0, of the channel that somebody asks for by its role or by its number from 1. Who is on which
 * channel is what the event said; it is never guessed.
 *
 * @throws CallsealError CHANNEL_UNKNOWN - no such role or number; CHANNEL_INSEPARABLE - Opus
 */
export function chooseChannel(
  { codec, channels = 0, channelRoles = [] }: MediaFacts,
  wanted: string,
): number {
  if (codec === 'opus') {
    throw new CallsealError(
      'CHANNEL_INSEPARABLE',
      'Opus codes two channels as one, so neither can be cut out without decoding',
      {
        hint: `without --channel, then decode: ffmpeg -i part.opus -af 'pan=mono|c0=c1' channel-2.wav`,
      },
    );
  }
  const named = channelRoles.flatMap((role, channel) => (role === wanted ? channel : []));
  const [byRole] = named;
  if (byRole !== undefined && byRole < channels && named.length === 1) return byRole;
  const number = /^\d{1,3}$/.test(wanted) ? Number(wanted) : 0;
  if (number >= 1 && number <= channels) return number - 1;
  const known =
    channelRoles.length === 0 ? 'the event named no roles' : `they are ${channelRoles.join(', ')}`;
  throw new CallsealError(
    'CHANNEL_UNKNOWN',
    named.length > 1
      ? `${named.length} channels are ${JSON.stringify(wanted)}`
      : `no channel is ${JSON.stringify(wanted)}: of ${channels} channels ${known}`,
    { hint: `by number: --channel ${channels > 1 ? `1 to ${channels}` : '1'}` },
  );
}
