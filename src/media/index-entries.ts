/** So many entries at most: under 100 KB of JSON. A second apart they are good for two hours and a quarter. */
const MOST_ENTRIES = 8192;

/** Entries as differences to the one before, which keeps their digits few. Sample 0 is the first that is heard. */
export interface IndexEntries {
  readonly samples: readonly number[];
  readonly offsets: readonly number[];
}

export interface IndexEntry {
  readonly sample: number;
  readonly offset: number;
}

/** Collects about one entry a second; when there are too many it keeps every other one and doubles the distance. */
export class IndexBuilder {
  #spacing: number;
  #entries: IndexEntry[] = [];
  #nextSample = Number.NEGATIVE_INFINITY;

  /** @param spacing in samples: one second of them. */
  constructor(spacing: number) {
    this.#spacing = spacing;
  }

  /** Offers a place where reading can begin: the sample that the bytes from `offset` on decode to first. */
  add(sample: number, offset: number): void {
    if (sample < this.#nextSample) return;
    this.#entries.push({ sample, offset });
    this.#nextSample = (Math.floor(sample / this.#spacing) + 1) * this.#spacing;
    if (this.#entries.length > MOST_ENTRIES) this.#thin();
  }

  entries(): IndexEntries {
    const before = [{ sample: 0, offset: 0 }, ...this.#entries];
    return {
      samples: this.#entries.map(({ sample }, at) => sample - (before[at]?.sample ?? 0)),
      offsets: this.#entries.map(({ offset }, at) => offset - (before[at]?.offset ?? 0)),
    };
  }

  #thin(): void {
    this.#entries = this.#entries.filter((_, at) => at % 2 === 0);
    this.#spacing *= 2;
  }
}

export function readEntries({ samples, offsets }: IndexEntries): IndexEntry[] {
  let sample = 0;
  let offset = 0;
  return samples.map((step, at) => {
    sample += step;
    offset += offsets[at] ?? 0;
    return { sample, offset };
  });
}
