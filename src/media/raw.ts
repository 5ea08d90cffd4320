import type { DeclaredMedia } from '../domain/call-event.ts';
import { codecName, type MediaCodec, type MediaWarning } from '../domain/media.ts';
import type { MediaLayout } from './media-index.ts';
import { PcmRun } from './pcm.ts';
import type { PcmAnalysis } from './pcm-analyser.ts';
import { conclude, type Findings, type Scanner, unread } from './scanner.ts';

const RAW_CODECS = [
  { codec: 'pcm_s16le', sampleBytes: 2 },
  { codec: 'pcm_mulaw', sampleBytes: 1 },
  { codec: 'pcm_alaw', sampleBytes: 1 },
] as const satisfies readonly { codec: MediaCodec; sampleBytes: number }[];

/** Samples without any header: codec, rate and channels are what the event says, for nothing else can. */
export function rawScanner(declared: DeclaredMedia): Scanner {
  const { sampleRate } = declared;
  if (declared.codec === undefined) return unread('raw', 'unknown', 'DECLARATION_INCOMPLETE');
  const name = codecName(declared.codec);
  const known = RAW_CODECS.find(({ codec }) => codec === name);
  if (known === undefined) return unread('raw', 'unknown', 'FORMAT_UNSUPPORTED');
  const { codec, sampleBytes } = known;
  const channels = declared.channels?.length ?? 0;
  if (!sampleRate || channels === 0) return unread('raw', codec, 'DECLARATION_INCOMPLETE');
  return new RawScanner(new PcmRun({ codec, sampleRate, channels, frameBytes: sampleBytes * channels }));
}

class RawScanner implements Scanner {
  readonly #run: PcmRun;

  constructor(run: PcmRun) {
    this.#run = run;
  }

  push(bytes: Uint8Array): void {
    this.#run.push(bytes);
  }

  end(): Findings {
    const warnings = new Set<MediaWarning>();
    const facts = this.#run.end(warnings);
    return conclude({ container: 'raw', audioOffset: 0, ...facts }, warnings);
  }

  layout(): MediaLayout {
    return this.#run.layout();
  }

  analysis(): PcmAnalysis | undefined {
    return this.#run.analysis();
  }
}
