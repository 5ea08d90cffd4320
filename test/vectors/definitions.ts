import { createCipheriv, createHash, hkdfSync } from 'node:crypto';
import {
  contextBytes,
  craftFrame,
  craftFrames,
  craftHeader,
  craftMessage,
  craftWrappedKey,
  type HeaderSpec,
  number,
} from '../seal/craft.ts';
import { counting, KNOWN, KNOWN_PLAIN } from '../seal/known-answer.ts';

/** One line of good.json or bad.json. Everything binary is hex. */
export interface Vector {
  readonly name: string;
  readonly expect: 'opens' | 'NOT_AUTHENTIC';
  /** What the reader is told, as from its registry row. */
  readonly callKey: string;
  readonly namespace: string;
  readonly keyName: string;
  readonly context: Readonly<Record<string, string>>;
  /** T, where the reader is told another one than the object has. */
  readonly sealedBytes?: number;
  readonly sealed: string;
  /** Good vectors only. */
  readonly frameLength?: number;
  readonly plain?: string;
  readonly sealDigest?: string;
  readonly plainDigest?: string;
}

const F = 16;
const NAMES = {
  namespace: 'callseal',
  keyName: 'key-7f3a',
  context: { artifact: 'a-01', call: 'c-0001', kind: 'audio', tenant: 't-42' },
} as const;

/** Sizes around the frame border, other frame lengths, and the corners of the names. */
export function goodVectors(): Vector[] {
  const sizes = [0, 1, F - 1, F, F + 1, 3 * F, 3 * F + 7].map((size) => good(`${size} bytes`, size));
  return [
    goodOf('the known answer of the format', { ...KNOWN, callKey: counting(0, 32) }, KNOWN_PLAIN),
    ...sizes,
    good('frames of 1 byte', 5, { frameLength: 1 }),
    good('frames of 64 KiB, one short frame', 40, { frameLength: 65_536 }),
    good('frames of 1 MiB, one short frame', 3, { frameLength: 1_048_576 }),
    good('an empty context', 20, { context: {} }),
    good('text beyond ASCII in a value and in the key name', 20, {
      keyName: 'schlüssel-鍵',
      context: { call: 'ç-ü-💬', tenant: 't-42' },
    }),
    good('names of 1,024 bytes together', 20, {
      context: { call: 'c'.repeat(1024 - 10 - NAMES.namespace.length - NAMES.keyName.length) },
    }),
  ];
}

/** Every field changed, everything moved, cut or added, and what other writers of the same format may do. */
export function badVectors(): Vector[] {
  return [
    ...flippedFields(),
    ...movedFrames(),
    ...cuts(),
    ...otherHeaders(),
    ...otherWrappings(),
    ...otherFrames(),
    ...otherExpectations(),
  ];
}

function good(name: string, plainBytes: number, changes: Partial<HeaderSpec> = {}): Vector {
  const plain = bytesFor(`${name} plain`, plainBytes);
  return goodOf(name, specOf(name, changes), plain);
}

function goodOf(name: string, spec: HeaderSpec, plain: Buffer): Vector {
  const sealed = craftMessage(spec, plain);
  return {
    ...told(spec),
    name,
    expect: 'opens',
    frameLength: spec.frameLength,
    plain: plain.toString('hex'),
    sealDigest: sealDigestOf(spec, sealed, plain),
    plainDigest: plainDigestOf(spec, plain),
    sealed: sealed.toString('hex'),
  };
}

function bad(name: string, make: (spec: HeaderSpec) => Buffer, changes: Partial<Vector> = {}): Vector {
  const spec = specOf(name);
  return { ...told(spec), name, expect: 'NOT_AUTHENTIC', sealed: make(spec).toString('hex'), ...changes };
}

/** One bit in each field of header and frames; 40 bytes of plaintext make two regular frames and a final one. */
function flippedFields(): Vector[] {
  const { namespace, keyName, context } = NAMES;
  const lc = contextBytes(context).length;
  const edk = 37 + lc + 2;
  const info = edk + 2 + namespace.length;
  const wrapped = info + 2 + keyName.length + 8 + 12;
  const type = wrapped + 2 + 48;
  const frames = type + 37 + 16;
  const final = frames + 2 * (F + 32);
  const fields: Record<string, number> = {
    version: 0,
    suite: 2,
    'message id': 3,
    'context length': 36,
    'context pair count': 38,
    'first context key': 41,
    'last context value': 37 + lc - 1,
    'EDK count': edk - 1,
    'namespace length': edk + 1,
    namespace: edk + 2,
    'provider info length': info + 1,
    'key name': info + 2,
    'tag bits': info + 2 + keyName.length + 3,
    'IV length': info + 2 + keyName.length + 7,
    'wrap IV': wrapped - 1,
    'wrapped key length': wrapped + 1,
    'wrapped key': wrapped + 2,
    'wrapped key tag': type - 1,
    'content type': type,
    'frame length': type + 4,
    commitment: type + 5,
    'header tag': frames - 1,
    'frame 1 sequence number': frames + 3,
    'frame 1 IV': frames + 4,
    'frame 1 ciphertext': frames + 16,
    'frame 1 tag': frames + 16 + F,
    'frame 2 IV counter': frames + F + 32 + 15,
    'frame 2 ciphertext': frames + F + 32 + 16 + F - 1,
    'final mark': final,
    'final sequence number': final + 7,
    'final IV': final + 8,
    'final length': final + 23,
    'final ciphertext': final + 24,
    'final tag': final + 24 + 8 + 15,
  };
  return Object.entries(fields).map(([field, at]) =>
    bad(`a flipped bit in: ${field}`, (spec) => {
      const sealed = craftMessage(spec, bytesFor(field, 2 * F + 8));
      sealed[at] = (sealed[at] ?? 0) ^ 1;
      return sealed;
    }),
  );
}

function movedFrames(): Vector[] {
  const moved = (name: string, order: readonly number[]): Vector =>
    bad(name, (spec) => {
      const frames = craftFrames(spec, bytesFor(name, 3 * F + 5), F);
      return Buffer.concat([craftHeader(spec), ...order.map((i) => frames[i] ?? Buffer.alloc(0))]);
    });
  return [
    moved('two frames swapped', [1, 0, 2, 3]),
    moved('the first frame dropped', [1, 2, 3]),
    moved('a middle frame dropped', [0, 2, 3]),
    moved('a frame twice', [0, 0, 1, 2, 3]),
    moved('no final frame', [0, 1, 2]),
    moved('the final frame twice', [0, 1, 2, 3, 3]),
    moved('the final frame first', [3, 0, 1, 2]),
    moved('only the final frame', [3]),
    moved('no frame', []),
    bad('a frame of another object under the same call key', (spec) => {
      const other = { ...spec, ...materialFor('another object'), callKey: spec.callKey };
      const [first] = craftFrames(other, bytesFor('x', 2 * F), F);
      const [, ...rest] = craftFrames(spec, bytesFor('x', 2 * F), F);
      return Buffer.concat([craftHeader(spec), first ?? Buffer.alloc(0), ...rest]);
    }),
  ];
}

function cuts(): Vector[] {
  const header = craftHeader(specOf('cut')).length;
  const places: Record<string, number> = {
    'to nothing': 0,
    'after the version': 1,
    'inside the message id': 20,
    'inside the context': 45,
    'before the header tag': header - 16,
    'after the header': header,
    'after the head of frame 1': header + 16,
    'inside frame 1': header + 20,
    'before the tag of frame 1': header + 16 + F,
    'after frame 1': header + F + 32,
    'after the last regular frame': header + 2 * (F + 32),
    'inside the head of the final frame': header + 2 * (F + 32) + 10,
    'before the tag of the final frame': header + 2 * (F + 32) + 24 + 8,
    'by one byte': header + 2 * (F + 32) + 40 + 8 - 1,
  };
  return [
    ...Object.entries(places).map(([place, at]) =>
      bad(`cut ${place}`, (spec) => craftMessage(spec, bytesFor(place, 2 * F + 8)).subarray(0, at)),
    ),
    bad('a byte appended', (spec) => Buffer.concat([craftMessage(spec, bytesFor('p', 20)), Buffer.alloc(1)])),
    bad('a whole frame appended', (spec) =>
      Buffer.concat([craftMessage(spec, bytesFor('p', 20)), Buffer.alloc(48)]),
    ),
    bad('a second message appended', (spec) => {
      const message = craftMessage(spec, bytesFor('p', 20));
      return Buffer.concat([message, message]);
    }),
  ];
}

/** Authentic in themselves: a reader that only checks tags would open these. */
function otherHeaders(): Vector[] {
  const plain = bytesFor('other header', F + 4);
  const other = (name: string, changes: (spec: HeaderSpec) => Partial<HeaderSpec>): Vector =>
    bad(name, (spec) => craftMessage({ ...spec, ...changes(spec) }, plain));
  return [
    other('version 1', () => ({ version: 1 })),
    other('suite 0x0578, which also signs', () => ({ suite: 0x0578 })),
    other('suite 0x0178, which does not commit', () => ({ suite: 0x0178 })),
    other('unframed', () => ({ contentType: 1 })),
    other('content type 0', () => ({ contentType: 0 })),
    other('another commitment', (spec) => ({ commitment: bytesFor(`${spec.keyName} c`, 32) })),
    other('an empty context written as a pair count of 0', () => ({ contextBytes: Buffer.alloc(2) })),
    other('context pairs out of order', (spec) => ({
      contextBytes: contextBytes(Object.fromEntries(Object.entries(spec.context).toReversed()), false),
    })),
    other('one context pair more', (spec) => ({ context: { ...spec.context, zone: 'z' } })),
    other('a byte after the context pairs', (spec) => ({
      contextBytes: Buffer.concat([contextBytes(spec.context), Buffer.alloc(1)]),
    })),
    bad('frame length 0', (spec) =>
      Buffer.concat([craftHeader({ ...spec, frameLength: 0 }), Buffer.alloc(60)]),
    ),
    bad('frame length 1,048,577', (spec) => {
      const changed = { ...spec, frameLength: 1_048_577 };
      return craftMessage(changed, plain);
    }),
    bad('frame length 4,294,967,295', (spec) => craftMessage({ ...spec, frameLength: 0xffff_ffff }, plain)),
  ];
}

function otherWrappings(): Vector[] {
  const plain = bytesFor('other wrapping', F + 4);
  const other = (name: string, changes: (spec: HeaderSpec) => Partial<HeaderSpec>): Vector =>
    bad(name, (spec) => craftMessage({ ...spec, ...changes(spec) }, plain));
  return [
    other('no wrapped key', () => ({ wrappedKeys: [] })),
    other('the wrapped key twice', (spec) => ({
      wrappedKeys: [craftWrappedKey(spec), craftWrappedKey(spec)],
    })),
    other('a second wrapped key under a key of the forger', (spec) => ({
      wrappedKeys: [
        craftWrappedKey(spec),
        craftWrappedKey({ ...spec, wrapKey: bytesFor('forger', 32), keyName: 'x' }),
      ],
    })),
    other('the wrapped key of another object', (spec) => ({
      wrappedKeys: [craftWrappedKey({ ...spec, dataKey: bytesFor('another data key', 32) })],
    })),
    other('wrapped under another call key', () => ({ wrapKey: bytesFor('another call key', 32) })),
    other('wrapped with another context', () => ({ wrapContext: contextBytes({ call: 'c-0002' }) })),
    other('wrapped without its context', () => ({ wrapContext: Buffer.alloc(0) })),
    other('another namespace', () => ({ namespace: 'callsea1' })),
    other('another key name of the same length', () => ({ keyName: 'key-7f3b' })),
    other('a longer key name', () => ({ keyName: 'key-7f3a2' })),
    other('tag length stated as 96 bits', () => ({ tagBits: 96 })),
    other('a wrapped key with a tag of 12 bytes', () => ({ wrapTagBytes: 12, tagBits: 96 })),
    other('IV length stated as 16', () => ({ statedIvBytes: 16 })),
    other('a wrap IV of 16 bytes', (spec) => ({
      statedIvBytes: 16,
      wrapIv: bytesFor(`${spec.keyName} iv`, 16),
    })),
    other('a data key of 16 bytes', () => ({ dataKey: bytesFor('short', 16) })),
  ];
}

function otherFrames(): Vector[] {
  const twoFrames = (name: string, change: { first?: object; final?: object }): Vector =>
    bad(name, (spec) =>
      Buffer.concat([
        craftHeader(spec),
        craftFrame(spec, { sequence: 1, plain: bytesFor(name, F), final: false, ...change.first }),
        craftFrame(spec, { sequence: 2, plain: bytesFor(name, 4), final: true, ...change.final }),
      ]),
    );
  const numbered = (name: string, first: number): Vector =>
    twoFrames(name, { first: { sequence: first }, final: { sequence: first + 1 } });
  return [
    numbered('frames counted from 0', 0),
    numbered('frames counted from 2', 2),
    twoFrames('an authentic frame whose IV is not its number', { first: { iv: bytesFor('iv', 12) } }),
    twoFrames('an authentic final frame whose IV is not its number', { final: { iv: bytesFor('iv', 12) } }),
    twoFrames('an authentic final frame that states another number', { final: { statedSequence: 3 } }),
    twoFrames('an authentic frame that states another number', { first: { statedSequence: 2 } }),
    twoFrames('another mark before an authentic final frame', { final: { mark: 0xffff_fffe } }),
    twoFrames('a final frame that skips a number', { final: { sequence: 3 } }),
    twoFrames('a regular frame with the label of a final one', {
      first: { label: 'AWSKMSEncryptionClient Final Frame' },
    }),
    twoFrames('a final frame with the label of a regular one', {
      final: { label: 'AWSKMSEncryptionClient Frame' },
    }),
    twoFrames('a final frame as long as a regular one', { final: { plain: bytesFor('full', F) } }),
    twoFrames('a final frame longer than a regular one', { final: { plain: bytesFor('long', 3 * F + 1) } }),
    twoFrames('a final frame that states fewer bytes than it has', { final: { statedLength: 3 } }),
    twoFrames('a final frame that states 4 GiB', { final: { statedLength: 0xffff_ffff } }),
    bad('a short regular frame', (spec) =>
      Buffer.concat([
        craftHeader(spec),
        craftFrame(spec, { sequence: 1, plain: bytesFor('s', F - 1), final: false }),
        craftFrame(spec, { sequence: 2, plain: bytesFor('s', 4), final: true }),
      ]),
    ),
    bad('a regular frame numbered as the final mark', (spec) =>
      Buffer.concat([
        craftHeader(spec),
        craftFrame(spec, { sequence: 0xffff_ffff, plain: bytesFor('m', F), final: false }),
      ]),
    ),
  ];
}

/** A right object, and a reader that asked for another one. */
function otherExpectations(): Vector[] {
  const asked = (name: string, changes: Partial<Vector>): Vector =>
    bad(name, (spec) => craftMessage(spec, bytesFor('asked', F + 4)), changes);
  const length = craftMessage(specOf('asked'), bytesFor('asked', F + 4)).length;
  return [
    asked('asked for: another call key', { callKey: bytesFor('other key', 32).toString('hex') }),
    asked('asked for: another artifact of the call', { context: { ...NAMES.context, artifact: 'a-02' } }),
    asked('asked for: another call', { context: { ...NAMES.context, call: 'c-0002' } }),
    asked('asked for: fewer context pairs', { context: { call: 'c-0001', tenant: 't-42' } }),
    asked('asked for: another namespace', { namespace: 'callsEal' }),
    asked('asked for: another key name', { keyName: 'key-7f3b' }),
    asked('asked for: bytes moved from the namespace to the key name', {
      namespace: 'callsea',
      keyName: 'lkey-7f3a',
    }),
    asked('asked for: one byte less', { sealedBytes: length - 1 }),
    asked('asked for: one byte more', { sealedBytes: length + 1 }),
    asked('asked for: one frame more', { sealedBytes: length + F + 32 }),
    asked('asked for: a length that no object has', { sealedBytes: length + F }),
    asked('asked for: no byte', { sealedBytes: 0 }),
  ];
}

function specOf(name: string, changes: Partial<HeaderSpec> = {}): HeaderSpec {
  return { ...NAMES, ...materialFor(name), frameLength: F, ...changes };
}

function materialFor(name: string): Pick<HeaderSpec, 'callKey' | 'dataKey' | 'messageId' | 'wrapIv'> {
  return {
    callKey: bytesFor(`${name} call key`, 32),
    dataKey: bytesFor(`${name} data key`, 32),
    messageId: bytesFor(`${name} message id`, 32),
    wrapIv: bytesFor(`${name} wrap iv`, 12),
  };
}

function told(spec: HeaderSpec): Pick<Vector, 'callKey' | 'namespace' | 'keyName' | 'context'> {
  return {
    callKey: spec.callKey.toString('hex'),
    namespace: spec.namespace,
    keyName: spec.keyName,
    context: spec.context,
  };
}

/** Bytes that follow from a text: no vector rests on chance. */
function bytesFor(text: string, length: number): Buffer {
  if (length === 0) return Buffer.alloc(0);
  return Buffer.from(hkdfSync('sha256', text, 'callseal test vectors v1', '', length));
}

function sealDigestOf(spec: HeaderSpec, sealed: Buffer, plain: Buffer): string {
  const header = craftHeader(spec);
  const hash = createHash('sha256').update('callseal seal digest v1').update(header);
  const step = spec.frameLength + 32;
  const regular = Math.floor(plain.length / spec.frameLength);
  for (let i = 1; i <= regular; i += 1) {
    const end = header.length + i * step;
    hash.update(number(i, 4)).update(sealed.subarray(end - 16, end));
  }
  hash.update(number(regular + 1, 4)).update(sealed.subarray(-16));
  return hash.update(Buffer.alloc(2)).update(number(plain.length, 6)).digest('hex');
}

function plainDigestOf(spec: HeaderSpec, plain: Buffer): string {
  const key = Buffer.from(hkdfSync('sha512', spec.callKey, spec.messageId, 'callseal/plain-digest', 32));
  const cipher = createCipheriv('aes-256-gcm', key, Buffer.alloc(12), { authTagLength: 16 }).setAAD(plain);
  cipher.final();
  return cipher.getAuthTag().toString('hex');
}
