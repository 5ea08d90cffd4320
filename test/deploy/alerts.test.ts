import { existsSync } from 'node:fs';
import type { Command } from 'commander';
import { expect, test } from 'vitest';
import { documentedProgram } from '../../tools/cli-doc.ts';
import { namesIn, rules, scrapedNames } from './metric-names.ts';

const ALERTS = rules().filter(({ alert }) => alert !== undefined);

test('every rule asks for metrics that there are', async () => {
  const known = new Set([...(await scrapedNames()), ...rules().flatMap(({ record }) => record ?? [])]);
  for (const { expr } of rules()) expect(namesIn(expr).filter((name) => !known.has(name))).toEqual([]);
});

for (const { alert, labels, annotations } of ALERTS) {
  test(`${alert} says what is wrong, what to type and where to read on`, () => {
    expect(Object.keys(annotations ?? {}).toSorted()).toEqual(['command', 'runbook', 'summary']);
    expect(['page', 'ticket']).toContain(labels?.['severity']);
    expect(unknownIn(annotations?.['command'] ?? '')).toBeUndefined();
    expect(annotations?.['runbook']).toMatch(/^docs\/runbooks\/[a-z-]+\.md$/);
  });
}

test('every runbook that an alert names is there', () => {
  const named = new Set(ALERTS.flatMap(({ annotations }) => annotations?.['runbook'] ?? []));
  expect([...named].filter((path) => !existsSync(path))).toEqual([]);
});

test('a command that there is not is found', () => {
  expect(unknownIn('callseal dlq lst')).toBe('lst');
  expect(unknownIn('callseal verify --al')).toBe('--al');
  expect(unknownIn('callseal dlq')).toBe('a command after dlq');
  expect(unknownIn('kubectl get pods')).toBe('kubectl');
});

/** The first word of a command that the CLI does not have. */
function unknownIn(line: string): string | undefined {
  const [product = '', ...words] = line.split(' ');
  if (product !== 'callseal') return product;
  let command: Command = documentedProgram();
  for (const word of words) {
    const next = command.commands.find((child) => child.name() === word);
    if (next) command = next;
    else if (!command.options.some(({ long }) => long === word)) return word;
  }
  return command.commands.length > 0 ? `a command after ${command.name()}` : undefined;
}
