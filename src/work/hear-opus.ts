import type { DeclaredMedia } from '../domain/call-event.ts';
import { opusContainer } from '../media/choose.ts';
import { Gather } from '../media/gather.ts';
import { SNIFF_BYTES } from '../media/sniff.ts';
import type { Decoded, Decoder, Decoding } from '../ports/decoder.ts';

/** A recording as it passes, given on to the decoder where only that can hear it. Never in the sealing's way. */
export interface OpusHearing {
  push(chunk: Uint8Array): void;
  /** Once, after the last chunk; resolves within the decoder's time. Rejects only where `signal` is aborted. */
  end(signal: AbortSignal): Promise<Decoded>;
  /** Nobody asks any more. */
  drop(): void;
}

export function hearOpus(decoder: Decoder, declared: DeclaredMedia | undefined): OpusHearing {
  const head = new Gather(SNIFF_BYTES);
  head.begin(SNIFF_BYTES);
  let decoding: Decoding | undefined;
  let isChosen = false;
  const choose = (): void => {
    isChosen = true;
    const container = opusContainer(head.view, declared);
    if (container === undefined) return;
    decoding = decoder.begin({ container, declared });
    decoding.push(head.view);
  };
  return {
    push: (chunk) => {
      if (isChosen) return decoding?.push(chunk);
      const rest = head.take(chunk);
      if (!head.full) return;
      choose();
      if (rest.length > 0) decoding?.push(rest);
    },
    end: async (signal) => {
      if (!isChosen) choose();
      return (await decoding?.end(signal)) ?? { made: [], warnings: [] };
    },
    drop: () => decoding?.drop(),
  };
}
