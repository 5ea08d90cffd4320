import { expect, test } from 'vitest';
import type { MediaFacts } from '../../src/domain/media.ts';
import { chooseChannel } from '../../src/work/choose-channel.ts';

const facts = (more: Partial<MediaFacts>): MediaFacts => ({
  container: 'wav',
  codec: 'pcm_s16le',
  channels: 2,
  endState: 'complete',
  bytes: 1,
  warnings: [],
  ...more,
});

test('a channel is chosen by the role that the event gave it, or by its number from 1', () => {
  const given = facts({ channelRoles: ['agent', 'caller'] });
  expect(['agent', 'caller', '1', '2'].map((wanted) => chooseChannel(given, wanted))).toEqual([0, 1, 0, 1]);
});

test('where the event named no roles only numbers are known: none is guessed', () => {
  expect(chooseChannel(facts({}), '2')).toBe(1);
  expect(() => chooseChannel(facts({}), 'agent')).toThrow('the event named no roles');
});

test('a role that two channels have chooses none of them', () => {
  const given = facts({ channelRoles: ['mixed', 'mixed'] });
  expect(() => chooseChannel(given, 'mixed')).toThrow('2 channels are "mixed"');
});

test('a role of a channel that the recording does not have is refused', () => {
  const given = facts({ channels: 1, channelRoles: ['agent', 'caller'] });
  expect(() => chooseChannel(given, 'caller')).toThrow('of 1 channels');
});

test('Opus is refused with a code of its own, and with what to type instead', () => {
  const given = facts({ codec: 'opus', container: 'ogg', channelRoles: ['agent', 'caller'] });
  expect(() => chooseChannel(given, 'agent')).toThrow(
    expect.objectContaining({ code: 'CHANNEL_INSEPARABLE', hint: expect.stringContaining('ffmpeg') }),
  );
});
