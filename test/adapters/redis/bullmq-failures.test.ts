import { describe, expect, test } from 'vitest';
import { isPayload } from '../../../src/adapters/jobs/bullmq-payload.ts';
import { rarely } from '../../../src/adapters/jobs/bullmq-trouble.ts';
import { redisFailure } from '../../../src/adapters/redis/failures.ts';
import { CallsealError } from '../../../src/domain/errors.ts';

function named(name: string, message: string, code?: string): Error {
  return Object.assign(new Error(message), { name, ...(code !== undefined && { code }) });
}

describe('what a client says', () => {
  for (const [said, code, message] of [
    [named('ReplyError', 'WRONGPASS invalid'), 'BAD_CONFIG', 'Redis does not know this user and password'],
    [named('ReplyError', 'NOAUTH required'), 'BAD_CONFIG', 'Redis does not know this user and password'],
    [named('ReplyError', 'NOPERM no'), 'BAD_CONFIG', 'Redis lets this user do too little'],
    [named('ReplyError', 'OOM command not allowed'), 'JOBS_DOWN', 'Redis is full'],
    [named('ReplyError', 'LOADING wait'), 'JOBS_DOWN', 'Redis refuses what was asked'],
    [named('Error', 'x', 'CERT_HAS_EXPIRED'), 'BAD_CONFIG', /CERT_HAS_EXPIRED/],
    [named('Error', 'x', 'ECONNREFUSED'), 'JOBS_DOWN', 'Redis is away'],
    [undefined, 'JOBS_DOWN', 'Redis is away'],
  ] as const) {
    test(`${String(said)} is ${code}, and no reply is a cause`, () => {
      const failure = redisFailure(said);
      expect(failure.code).toBe(code);
      expect(failure.message).toMatch(message);
      expect(failure.cause === undefined || (said instanceof Error && said.name === 'Error')).toBe(true);
    });
  }

  test('an error of ours stays what it is', () => {
    const ours = new CallsealError('BAD_CONFIG', 'mine');
    expect(redisFailure(ours)).toBe(ours);
  });
});

describe('trouble', () => {
  test('is told at once, then with its count when its time is over, each code by itself', () => {
    const told: [string, number][] = [];
    const seldom = rarely(({ code }, times) => void told.push([code, times]), 3_600_000);
    for (let n = 0; n < 100; n++) seldom(new CallsealError('JOBS_DOWN', 'away'));
    seldom(new CallsealError('REFUSED', 'not ours'));
    expect(told).toEqual([
      ['JOBS_DOWN', 1],
      ['REFUSED', 1],
    ]);
  });
});

describe('a payload', () => {
  test('is a few ids and numbers', () => {
    for (const good of [{}, { campaign: 'c-1', chunk: 7 }, { n: -1.5 }]) expect(isPayload(good)).toBe(true);
  });

  test('is nothing else', () => {
    const many = Object.fromEntries(Array.from('abcdefghijklmnopqr').map((name, at) => [name, at]));
    const bad = [null, undefined, 7, 'x', [], [1], { a: null }, { a: {} }, { a: 'two words' }, { a: '' }];
    for (const one of [...bad, { a: Number.NaN }, { a: true }, { 'a b': 1 }, many]) {
      expect(isPayload(one)).toBe(false);
    }
  });
});
