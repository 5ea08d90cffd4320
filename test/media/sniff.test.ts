import { describe, expect, test } from 'vitest';
import { CUTS, factsOf } from './feed.ts';

/** Frames of `head` and filler, as many as the sniffer wants to see and one more. */
function frames(head: readonly number[], bytes: number): Buffer {
  const frame = Buffer.alloc(bytes, 0x11);
  frame.set(head);
  return Buffer.concat([frame, frame, frame, frame]);
}

const named: readonly (readonly [name: string, bytes: Buffer, container: string])[] = [
  ['FLAC', Buffer.from('fLaC\0\0\0\x22'), 'flac'],
  ['an ID3 tag', Buffer.from('ID3\x04\0\0\0\0\x02\x01', 'latin1'), 'mp3'],
  ['MP3 frames (MPEG-1, 128 kbit/s, 44100 Hz)', frames([0xff, 0xfb, 0x90, 0x00], 417), 'mp3'],
  ['MP3 frames (MPEG-2.5, 32 kbit/s, 8000 Hz)', frames([0xff, 0xe3, 0x48, 0x00], 288), 'mp3'],
  ['AAC in ADTS', frames([0xff, 0xf1, 0x50, 0x80, 0x0c, 0x80], 100), 'aac'],
  ['GSM 06.10 frames', frames([0xd2], 33), 'gsm'],
  ['MP4', Buffer.from('\0\0\0\x20ftypM4A '), 'mp4'],
  ['AMR', Buffer.from('#!AMR\n'), 'amr'],
  ['AIFF', Buffer.from('FORM\0\0\0\0AIFF'), 'aiff'],
  ['Sun audio', Buffer.from('.snd\0\0\0\x18'), 'au'],
];

describe('what is named but not read', () => {
  for (const [name, bytes, container] of named) {
    test(`${name} is ${container}, unparseable`, () => {
      const facts = factsOf(bytes);
      expect(facts).toMatchObject({ container, endState: 'unparseable', warnings: ['FORMAT_UNSUPPORTED'] });
    });
    test(`${name} is so however it is cut`, () => {
      for (const [, cut] of CUTS) expect(factsOf(bytes, undefined, cut())).toEqual(factsOf(bytes));
    });
  }
});

describe('what is not known', () => {
  const unknown: readonly (readonly [name: string, bytes: Buffer])[] = [
    ['one byte', Buffer.from('O')],
    ['an HTML page', Buffer.from('<html>502</html>')],
    ['text', Buffer.from('upstream connect error or disconnect')],
    ['two MP3-like bytes', Buffer.from([0xff, 0xfb])],
    ['mu-law silence that nobody declared', Buffer.alloc(8000, 0xff)],
    ['three letters of ID3 and junk', Buffer.from('ID3junkjunk')],
  ];
  for (const [name, bytes] of unknown) {
    test(`${name} is unparseable`, () => {
      expect(factsOf(bytes)).toMatchObject({
        container: 'unknown',
        endState: 'unparseable',
        warnings: ['FORMAT_UNKNOWN'],
      });
    });
  }
});
