import { createSecretKey } from 'node:crypto';
import type { ChosenMaterial } from '../../src/seal/below-profile.ts';

/** 00 01 02 … from `first`. */
export function counting(first: number, length: number): Buffer {
  const bytes = Buffer.alloc(length);
  for (let i = 0; i < length; i += 1) bytes[i] = first + i;
  return bytes;
}

export function hex(...parts: string[]): Buffer {
  return Buffer.from(parts.join('').replaceAll(/\s/g, ''), 'hex');
}

/** The known answer of docs/format.md, checked with the stock JavaScript and Python readers. */
export const KNOWN = {
  callKey: createSecretKey(counting(0x00, 32)),
  dataKey: counting(0x20, 32),
  messageId: counting(0x40, 32),
  wrapIv: counting(0x60, 12),
  namespace: 'ns',
  keyName: 'call-1',
  context: { call: 'c-0001', tenant: 't-42' },
  frameLength: 16,
} as const satisfies ChosenMaterial;

export const KNOWN_PLAIN = Buffer.from('sealed call audio bytes!', 'ascii');

export const KNOWN_ANSWER = {
  commitment: 'bbe9a13c6144de6db8a0b1a0e8f11783cd66fc015b916c8c1ee27fb7953e8fad',
  frameKey: '42b9038b9bd3e8ab73591b447a13c9fd236d8227076a7150e0d6f7d6da207193',
  wrappedDataKey:
    'cafab9769f65a548543fd3005ea0ef6c1644bbbab05104ee9b98ba5740cfc937fc6ed32deef88ee0bfb8ed7d7c540bb5',
  headerTag: 'ca4de7666bc8804b4824216e6bbf8ae7',
  headerBytes: 204,
  frame1: hex(
    '00000001 000000000000000000000001',
    'ceb69776e926861fc84ce7e700c5d78e 93b918001388895aa5863e43cf796b10',
  ),
  frame2: hex(
    'ffffffff 00000002 000000000000000000000002 00000008',
    '0ed80d835a623ae0 1e947b7fb6c2a90b4a3816d868131a13',
  ),
  messageSha256: '8d3b3668ab881ed2cf14be4beaf02d9851e30288dd5fb913db848ffea49e52de',
  sealDigest: '0c1eba7284d556d7eb8ce8ba858557c17f7e97702f24fb55c45666a0e2595563',
  digestKey: '5493a11a2720f05759b70bd95d9640cb783ef1c83941d4e5372135405d7196ab',
  plainDigest: '9e50ccfb961f09948f53df79eb47800c',
  plainDigestOfNothing: '7c6121050d2cd035255f8a9d49f894fd',
} as const;
