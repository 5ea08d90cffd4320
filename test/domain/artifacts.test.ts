import { expect, test } from 'vitest';
import {
  EVENT_KINDS,
  isEventKind,
  isMadeKind,
  KEY_CLASSES,
  MADE_KINDS,
  ruleOf,
} from '../../src/domain/artifacts.ts';

test('an event may send eleven kinds, and three are the worker’s alone', () => {
  expect(EVENT_KINDS.toSorted()).toEqual([
    'audio',
    'context',
    'embedding',
    'leadScore',
    'redacted-audio',
    'redacted-transcript',
    'sentiment',
    'summary',
    'transcript',
    'voicemail',
    'voiceprint',
  ]);
  expect(MADE_KINDS.toSorted()).toEqual(['index', 'peaks', 'stats']);
  expect(EVENT_KINDS.filter((kind) => isMadeKind(kind))).toEqual([]);
});

test('a voiceprint alone has a key class of its own', () => {
  const own = [...EVENT_KINDS, ...MADE_KINDS].filter((kind) => ruleOf(kind).keyClass !== 'phi');
  expect(own).toEqual(['voiceprint']);
  expect(KEY_CLASSES).toEqual(['phi', 'voiceprint']);
});

test('sealed text travels downstream, audio and numbers never do', () => {
  const travels = [...EVENT_KINDS, ...MADE_KINDS].filter((kind) => ruleOf(kind).travels);
  expect(travels.toSorted()).toEqual(['redacted-transcript', 'summary', 'transcript']);
});

test('what travels is small enough to be read whole', () => {
  for (const kind of EVENT_KINDS.filter((each) => ruleOf(each).travels)) {
    expect(ruleOf(kind).capBytes).toBeLessThanOrEqual(64 * 2 ** 20);
  }
});

test('the tap looks at audio kinds only, and every other kind has a shape to check', () => {
  const audio = EVENT_KINDS.filter((kind) => ruleOf(kind).audio);
  expect(audio.toSorted()).toEqual(['audio', 'redacted-audio', 'voicemail']);
  const json = EVENT_KINDS.filter((kind) => ruleOf(kind).shape === 'json');
  expect(json.toSorted()).toEqual([
    'context',
    'leadScore',
    'redacted-transcript',
    'sentiment',
    'summary',
    'transcript',
  ]);
});

test('names that objects are born with are no kinds', () => {
  for (const name of ['constructor', '__proto__', 'toString', 'hasOwnProperty', '']) {
    expect(isEventKind(name)).toBe(false);
    expect(isMadeKind(name)).toBe(false);
  }
});
