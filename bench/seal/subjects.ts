import { createCipheriv, createHash, createSecretKey, randomBytes } from 'node:crypto';
import { detach } from '../../src/seal/detach.ts';
import { createOpener } from '../../src/seal/opener.ts';
import { createSealer, type SealFacts } from '../../src/seal/sealer.ts';

const MIB = 1024 * 1024;
const HOT_BYTES = 63_488;
const CHUNK_BYTES = 65_536;
const PART_BYTES = 8 * MIB;

export const CALL_KEY: Buffer = randomBytes(32);
export const NAMES = {
  namespace: 'callseal',
  keyName: 'bench-key',
  context: { tenant: 't-42', call: 'c-0001', artifact: 'a-01', kind: 'audio' },
} as const;

const identity = { ...NAMES, callKey: createSecretKey(CALL_KEY) };

/** What the cipher alone can do: one cipher, a hot chunk, every result freed at once. */
export function cipherAlone(totalBytes: number): void {
  const cipher = createCipheriv('aes-256-gcm', identity.callKey, randomBytes(12));
  const hot = Buffer.alloc(HOT_BYTES, 7);
  for (let done = 0; done < totalBytes; done += HOT_BYTES) detach(cipher.update(hot));
  cipher.final();
}

/** An object in parts, as an upload would hold them. */
export class SealedParts {
  readonly #parts: Buffer[];
  #bytes = 0;
  facts: SealFacts | undefined;

  /** Room for an object of `plainBytes`, touched, so that no round pays for its first use. */
  constructor(plainBytes: number) {
    const parts = Math.ceil((plainBytes * 1.01 + MIB) / PART_BYTES);
    this.#parts = Array.from({ length: parts }, () => Buffer.alloc(PART_BYTES, 1));
  }

  /** Seals what `chunks` gives. */
  seal(chunks: Iterable<Buffer>, options: { readonly plainDigest: boolean }): void {
    const sealer = createSealer({ ...identity, ...options });
    let at = 0;
    const fill = (): void => {
      while (sealer.ready) {
        const part = this.#parts[Math.floor(at / PART_BYTES)];
        if (part === undefined) throw new Error('the object is longer than its parts');
        at += sealer.fill(part, at % PART_BYTES);
      }
    };
    for (const chunk of chunks) {
      sealer.push(chunk);
      fill();
    }
    sealer.end();
    fill();
    this.#bytes = at;
    this.facts = sealer.facts();
  }

  /** The sealed bytes in chunks of 64 KiB, as a store would give them. */
  *chunks(): Generator<Buffer, void, void> {
    for (let at = 0; at < this.#bytes; at += CHUNK_BYTES) {
      const from = at % PART_BYTES;
      const part = this.#parts[Math.floor(at / PART_BYTES)];
      if (part) yield part.subarray(from, Math.min(from + CHUNK_BYTES, from + this.#bytes - at));
    }
  }

  /** Opens it and frees the plaintext piece by piece. Throws unless it is whole and has the sealer's digests. */
  open(look: (plain: Buffer) => void = () => {}, checkPlain = false): void {
    const plainDigest = checkPlain ? this.facts?.plainDigest : undefined;
    const opener = createOpener({
      ...identity,
      sealedBytes: this.#bytes,
      ...(plainDigest && { checkDigest: { plainDigest } }),
    });
    for (const chunk of this.chunks()) {
      for (const plain of opener.push(chunk)) {
        look(plain);
        detach(plain);
      }
    }
    const facts = opener.finish();
    const same = this.facts && facts.sealDigest.equals(this.facts.sealDigest);
    if (!same || facts.plainDigestMatches === false)
      throw new Error('what was sealed did not open as it was sealed');
  }

  /** Opens it and compares with what was sealed. */
  verify(chunks: Iterable<Buffer>): void {
    const sealed = createHash('sha256');
    for (const chunk of chunks) sealed.update(chunk);
    const opened = createHash('sha256');
    this.open((plain) => opened.update(plain), true);
    if (!sealed.digest().equals(opened.digest()))
      throw new Error('another plaintext was opened than was sealed');
  }
}

/** One chunk again and again: what comes off a socket is as warm as this. */
export function hotChunks(totalBytes: number): Buffer[] {
  const chunk = randomBytes(CHUNK_BYTES);
  return Array.from({ length: totalBytes / CHUNK_BYTES }, () => chunk);
}

/** `bytes` in slices of 64 KiB. */
export function slicesOf(bytes: Buffer): Buffer[] {
  const count = Math.ceil(bytes.length / CHUNK_BYTES);
  return Array.from({ length: count }, (_, i) => bytes.subarray(i * CHUNK_BYTES, (i + 1) * CHUNK_BYTES));
}
