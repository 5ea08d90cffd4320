/**
 * Writes messages of suite 0x0478, right and wrong ones, with nothing of `src/`: what the tests compare
 * against is a second reading of docs/format.md.
 */
import { createCipheriv, createHmac } from 'node:crypto';

export interface Material {
  readonly callKey: Buffer;
  readonly dataKey: Buffer;
  readonly messageId: Buffer;
  readonly wrapIv: Buffer;
}

export interface HeaderSpec extends Material {
  readonly namespace: string;
  readonly keyName: string;
  readonly context: Readonly<Record<string, string>>;
  readonly frameLength: number;
  readonly version?: number;
  readonly suite?: number;
  readonly contentType?: number;
  /** As it is written and authenticated, instead of `context`. */
  readonly contextBytes?: Buffer;
  /** What the data key is wrapped with, when not what is written. */
  readonly wrapContext?: Buffer;
  readonly wrapKey?: Buffer;
  readonly tagBits?: number;
  readonly statedIvBytes?: number;
  /** Written instead of the one wrapped key. */
  readonly wrappedKeys?: readonly Buffer[];
  readonly commitment?: Buffer;
  /** Tag length of the wrapped data key, to try a short one. */
  readonly wrapTagBytes?: number;
}

export interface FrameSpec {
  readonly sequence: number;
  readonly plain: Buffer;
  readonly final: boolean;
  readonly iv?: Buffer;
  readonly mark?: number;
  readonly statedSequence?: number;
  readonly statedLength?: number;
  readonly label?: string;
}

const REGULAR = 'AWSKMSEncryptionClient Frame';
const FINAL = 'AWSKMSEncryptionClient Final Frame';

export function craftHeader(spec: HeaderSpec): Buffer {
  const context = spec.contextBytes ?? contextBytes(spec.context);
  const body = Buffer.concat([
    Buffer.from([spec.version ?? 2]),
    number(spec.suite ?? 0x0478, 2),
    spec.messageId,
    field(context),
    number(spec.wrappedKeys?.length ?? 1, 2),
    ...(spec.wrappedKeys ?? [craftWrappedKey(spec)]),
    Buffer.from([spec.contentType ?? 2]),
    number(spec.frameLength, 4),
    spec.commitment ?? expand(spec, Buffer.from('COMMITKEY')),
  ]);
  return Buffer.concat([body, gcm(frameKey(spec), Buffer.alloc(12), body, Buffer.alloc(0)).tag]);
}

/** One EDK with its three lengths. */
export function craftWrappedKey(spec: HeaderSpec): Buffer {
  const aad = spec.wrapContext ?? spec.contextBytes ?? contextBytes(spec.context);
  const { ciphertext, tag } = gcm(spec.wrapKey ?? spec.callKey, spec.wrapIv, aad, spec.dataKey);
  return Buffer.concat([
    field(Buffer.from(spec.namespace)),
    field(
      Buffer.concat([
        Buffer.from(spec.keyName),
        number(spec.tagBits ?? 128, 4),
        number(spec.statedIvBytes ?? 12, 4),
        spec.wrapIv,
      ]),
    ),
    field(Buffer.concat([ciphertext, tag.subarray(0, spec.wrapTagBytes ?? 16)])),
  ]);
}

export function craftFrame(spec: Material, frame: FrameSpec): Buffer {
  const { sequence, plain, final } = frame;
  const iv = frame.iv ?? Buffer.concat([Buffer.alloc(8), number(sequence, 4)]);
  const label = Buffer.from(frame.label ?? (final ? FINAL : REGULAR));
  const aad = Buffer.concat([
    spec.messageId,
    label,
    number(sequence, 4),
    Buffer.alloc(4),
    number(plain.length, 4),
  ]);
  const { ciphertext, tag } = gcm(frameKey(spec), iv, aad, plain);
  const stated = number(frame.statedSequence ?? sequence, 4);
  const head = final
    ? [number(frame.mark ?? 0xffff_ffff, 4), stated, iv, number(frame.statedLength ?? plain.length, 4)]
    : [stated, iv];
  return Buffer.concat([...head, ciphertext, tag]);
}

/** The frames that a right writer makes of `plain`. */
export function craftFrames(spec: Material, plain: Buffer, frameLength: number): Buffer[] {
  const regular = Math.floor(plain.length / frameLength);
  return Array.from({ length: regular + 1 }, (_, i) =>
    craftFrame(spec, {
      sequence: i + 1,
      plain: plain.subarray(i * frameLength, (i + 1) * frameLength),
      final: i === regular,
    }),
  );
}

export function craftMessage(spec: HeaderSpec, plain: Buffer): Buffer {
  return Buffer.concat([craftHeader(spec), ...craftFrames(spec, plain, spec.frameLength)]);
}

export function contextBytes(context: Readonly<Record<string, string>>, sorted = true): Buffer {
  const pairs = Object.entries(context);
  if (sorted) pairs.sort(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  if (pairs.length === 0) return Buffer.alloc(0);
  return Buffer.concat([number(pairs.length, 2), ...pairs.flat().map((text) => field(Buffer.from(text)))]);
}

export function number(value: number, bytes: number): Buffer {
  const out = Buffer.alloc(bytes);
  out.writeUIntBE(value, 0, bytes);
  return out;
}

function field(bytes: Buffer): Buffer {
  return Buffer.concat([number(bytes.length, 2), bytes]);
}

function frameKey(spec: Material): Buffer {
  return expand(spec, Buffer.concat([number(0x0478, 2), Buffer.from('DERIVEKEY')]));
}

/** RFC 5869 by hand: one block of Expand is enough for 32 bytes. */
function expand(spec: Material, info: Buffer): Buffer {
  const prk = createHmac('sha512', spec.messageId).update(spec.dataKey).digest();
  return createHmac('sha512', prk)
    .update(info)
    .update(Buffer.from([1]))
    .digest()
    .subarray(0, 32);
}

function gcm(key: Buffer, iv: Buffer, aad: Buffer, plain: Buffer): { ciphertext: Buffer; tag: Buffer } {
  const cipher = createCipheriv('aes-256-gcm', key, iv, { authTagLength: 16 }).setAAD(aad);
  const ciphertext = Buffer.concat([cipher.update(plain), cipher.final()]);
  return { ciphertext, tag: cipher.getAuthTag() };
}
