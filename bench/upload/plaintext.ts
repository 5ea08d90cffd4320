/** Bytes of a chunk, as a source gives them. */
const CHUNK = 65_536;

/** So many bytes in fresh chunks that their consumer may detach. What is in them is nobody's concern. */
export async function* plaintext(bytes: number): AsyncGenerator<Buffer, void, void> {
  for (let left = bytes; left > 0; left -= CHUNK) yield Buffer.allocUnsafeSlow(Math.min(CHUNK, left));
}
