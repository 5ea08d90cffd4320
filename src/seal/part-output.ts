/**
 * Writes into part buffers that end wherever they end. What does not fit waits here for the next part: at
 * most one frame, so that a frame is always encrypted in one go and no cipher is open while somebody waits
 * for a buffer.
 */
export class PartOutput {
  readonly #rest: Buffer[] = [];
  #part: Buffer | undefined;
  #position = 0;

  /** Whether bytes wait for the next part. */
  get hasRest(): boolean {
    return this.#rest.length > 0;
  }

  get full(): boolean {
    return this.#part === undefined || this.#position === this.#part.length;
  }

  /** Goes on in `part` from `at`, beginning with what the last part had no room for. */
  begin(part: Buffer, at: number): void {
    this.#part = part;
    this.#position = at;
    for (const bytes of this.#rest.splice(0)) this.write(bytes);
  }

  /** Copies `bytes`: the caller may reuse or detach them at once. */
  write(bytes: Uint8Array): void {
    const room = this.#part === undefined ? 0 : this.#part.length - this.#position;
    const fits = bytes.length <= room ? bytes : bytes.subarray(0, room);
    this.#part?.set(fits, this.#position);
    this.#position += fits.length;
    if (bytes.length > room) this.#rest.push(Buffer.from(bytes.subarray(room)));
  }

  /** Lets go of the part; the position in it. */
  end(): number {
    this.#part = undefined;
    return this.#position;
  }

  clear(): void {
    this.#rest.length = 0;
    this.#part = undefined;
  }
}
