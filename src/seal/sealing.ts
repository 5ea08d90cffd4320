import { createHash, type Hash, type KeyObject } from 'node:crypto';
import { gcmCipher } from './aes-gcm.ts';
import { detach } from './detach.ts';
import { badArgument, SealFormatError } from './errors.ts';
import { FrameText } from './frames.ts';
import { PartOutput } from './part-output.ts';
import type { PlainDigest } from './plain-digest.ts';
import { SealDigest } from './seal-digest.ts';
import type { Sealer, SealFacts } from './sealer.ts';
import { MAX_REGULAR_FRAMES, sealedSize } from './sizes.ts';
import { SliceQueue } from './slice-queue.ts';

/** What one object is sealed with. Never used twice: two plaintexts under one K and IV break GCM. */
export interface SealingMaterial {
  readonly messageId: Buffer;
  /** With its tag. */
  readonly header: Buffer;
  /** K, derived for this message id. */
  readonly frameKey: KeyObject;
  readonly frameLength: number;
}

/** What is done beside encrypting. */
export interface SealingExtras {
  readonly plainDigest: PlainDigest | undefined;
  readonly sha256: boolean;
  readonly declaredBytes: number | undefined;
  readonly detachChunks: boolean;
}

/**
 * The frames of one object. Production starts it through `createSealer`, which alone makes its material from
 * fresh random bytes; only below-profile.ts starts it otherwise.
 */
export class Sealing implements Sealer {
  readonly #material: Omit<SealingMaterial, 'frameKey'>;
  readonly #extras: SealingExtras;
  readonly #held: SliceQueue;
  readonly #output = new PartOutput();
  readonly #text: FrameText;
  readonly #sealDigest = new SealDigest();
  readonly #sha256: Hash | undefined;
  #state: 'open' | 'ended' | 'finished' | 'destroyed' = 'open';
  #key: KeyObject | undefined;
  #sequence = 1;
  #plainBytes = 0;
  #facts: SealFacts | undefined;

  constructor(material: SealingMaterial, extras: SealingExtras) {
    const { frameKey, ...rest } = material;
    this.#material = rest;
    this.#key = frameKey;
    this.#extras = extras;
    this.#held = new SliceQueue(extras.detachChunks);
    this.#text = new FrameText(material.messageId);
    this.#sha256 = extras.sha256 ? createHash('sha256') : undefined;
  }

  get ready(): boolean {
    return this.#output.hasRest || this.#frameReady();
  }

  get finished(): boolean {
    return this.#state === 'finished' && !this.#output.hasRest;
  }

  push(chunk: Uint8Array): void {
    this.#require('open');
    this.#plainBytes += chunk.length;
    const { declaredBytes, plainDigest } = this.#extras;
    if (declaredBytes !== undefined && this.#plainBytes > declaredBytes)
      throw this.#lengthDiffers(declaredBytes);
    plainDigest?.update(chunk);
    this.#held.push(chunk);
  }

  end(): void {
    this.#require('open');
    const { declaredBytes } = this.#extras;
    // A chunk that somebody detached reads as empty, without an error: the total is what shows it.
    if (declaredBytes !== undefined && this.#plainBytes !== declaredBytes)
      throw this.#lengthDiffers(declaredBytes);
    this.#state = 'ended';
  }

  fill(part: Buffer, at: number): number {
    if (this.#state === 'destroyed') throw badArgument('this sealer was destroyed');
    if (!(at >= 0 && at < part.length)) throw badArgument('a part must have room for at least one byte');
    try {
      this.#output.begin(part, at);
      while (!this.#output.full && this.#frameReady()) this.#sealFrame();
      const end = this.#output.end();
      this.#sha256?.update(part.subarray(at, end));
      return end - at;
    } catch (error) {
      this.destroy(); // a half-written frame: nothing may go on from here
      throw error;
    }
  }

  facts(): SealFacts {
    if (this.#facts !== undefined) return this.#facts;
    if (!this.finished) throw badArgument('there are no facts before everything was sealed and taken');
    const { messageId, header, frameLength } = this.#material;
    const plainDigest = this.#extras.plainDigest?.finish();
    const sha256 = this.#sha256?.digest();
    this.#facts = {
      messageId,
      headerBytes: header.length,
      frameLength,
      plainBytes: this.#plainBytes,
      sealedBytes: sealedSize(this.#plainBytes, header.length, frameLength),
      sealDigest: this.#sealDigest.finish(this.#plainBytes),
      ...(plainDigest && { plainDigest }),
      ...(sha256 && { sha256 }),
    };
    return this.#facts;
  }

  destroy(): void {
    if (this.finished) return;
    this.#state = 'destroyed';
    this.#key = undefined;
    this.#held.clear();
    this.#output.clear();
  }

  /**
   * A frame's label and length are authenticated before its first byte, so a frame is begun only when it is
   * known to be full, or the last.
   */
  #frameReady(): boolean {
    return (
      this.#state === 'ended' || (this.#state === 'open' && this.#held.bytes >= this.#material.frameLength)
    );
  }

  #sealFrame(): void {
    if (this.#sequence === 1) this.#writeHeader();
    const { frameLength } = this.#material;
    const final = this.#held.bytes < frameLength;
    const length = final ? this.#held.bytes : frameLength;
    if (!final && this.#sequence > MAX_REGULAR_FRAMES) throw badArgument('too many frames for one object');
    const head = final
      ? this.#text.finalHead(this.#sequence, length)
      : this.#text.regularHead(this.#sequence);
    this.#output.write(head);
    this.#encrypt(length, final);
    this.#sequence += 1;
    if (final) this.#finish();
  }

  #writeHeader(): void {
    this.#sealDigest.header(this.#material.header);
    this.#output.write(this.#material.header);
  }

  /** Copies each result into the part and frees it at once: memory, not the cipher, is what sealing waits for. */
  #encrypt(length: number, final: boolean): void {
    if (this.#key === undefined) throw badArgument('this sealer has no key any more');
    const sequence = this.#sequence;
    const cipher = gcmCipher(this.#key, this.#text.iv(sequence)).setAAD(
      this.#text.aad(sequence, length, final),
    );
    this.#held.take(length, (piece) => {
      const encrypted = cipher.update(piece);
      this.#output.write(encrypted);
      detach(encrypted);
    });
    cipher.final();
    const tag = cipher.getAuthTag();
    this.#output.write(tag);
    this.#sealDigest.frame(sequence, tag);
  }

  #finish(): void {
    this.#state = 'finished';
    this.#key = undefined;
    this.#held.clear();
  }

  #require(state: 'open'): void {
    if (this.#state !== state) throw badArgument(`this sealer takes no more bytes: it is ${this.#state}`);
  }

  #lengthDiffers(declaredBytes: number): SealFormatError {
    return new SealFormatError(
      'LENGTH_DIFFERS',
      `${declaredBytes} bytes were declared, ${this.#plainBytes} came`,
    );
  }
}
