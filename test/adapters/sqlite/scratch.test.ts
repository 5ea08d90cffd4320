import { mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { openScratch } from '../../../src/adapters/sqlite/scratch.ts';
import type { Scratch } from '../../../src/ports/scratch.ts';

function scratch(): Scratch {
  const opened = openScratch();
  onTestFinished(() => opened.close());
  return opened;
}

test('a map keeps the last value of a key, and forgets what is deleted', () => {
  const map = scratch().map<{ readonly n: number }>('numbers');
  expect(map.get('a')).toBeUndefined();
  for (const n of [1, 2]) map.set('a', { n });
  map.set('b', { n: 3 });
  expect(map.get('a')).toEqual({ n: 2 });
  map.delete('b');
  map.delete('nobody');
  expect([...map.entries()]).toEqual([['a', { n: 2 }]]);
});

test('the same name is the same map, another name another one', () => {
  const opened = scratch();
  opened.map('one').set('k', 1);
  expect(opened.map('one').get('k')).toBe(1);
  expect(opened.map('two').get('k')).toBeUndefined();
});

test('any key is a key, also one that is SQL, and a long one', () => {
  const map = scratch().map<number>("x'; drop table y; --");
  for (const key of ['', "'; --", 'ü音', 'x'.repeat(5_000)]) {
    map.set(key, key.length);
    expect(map.get(key)).toBe(key.length);
  }
});

test('one map may be written while another one is read', () => {
  const opened = scratch();
  const [from, to] = [opened.map<number>('from'), opened.map<number>('to')];
  for (let i = 0; i < 1_000; i++) from.set(`k${i}`, i);
  for (const [key, value] of from.entries()) to.set(key, value + 1);
  expect([...to.entries()]).toHaveLength(1_000);
  expect(to.get('k999')).toBe(1_000);
});

test('what does not fit into memory leaves no file that anybody could find', () => {
  const folder = mkdtempSync(join(tmpdir(), 'callseal-scratch-'));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const before = process.env['SQLITE_TMPDIR'];
  process.env['SQLITE_TMPDIR'] = folder;
  onTestFinished(() => {
    if (before === undefined) delete process.env['SQLITE_TMPDIR'];
    else process.env['SQLITE_TMPDIR'] = before;
  });
  const map = scratch().map<string>('large');
  for (let i = 0; i < 25; i++) map.set(`k${i}`, 'x'.repeat(1_000_000)); // 25 MB beside a cache of 16
  expect(map.get('k24')).toHaveLength(1_000_000);
  expect(readdirSync(folder)).toEqual([]);
});
