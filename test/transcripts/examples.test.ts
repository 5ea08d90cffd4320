import { cp } from 'node:fs/promises';
import { join } from 'node:path';
import { beforeAll, expect, test } from 'vitest';
import { commandsOf, documentedProgram, helpOf } from '../../tools/cli-doc.ts';
import { runShell, workingFolder } from './session.ts';

/** Every line below `Example:` in the help of any command. */
const EXAMPLES = commandsOf(documentedProgram()).flatMap(({ command }) => {
  const [, examples = ''] = helpOf(command).split('\nExample:\n');
  return examples
    .split('\n')
    .filter((line) => line.startsWith('  '))
    .map((line) => line.trim());
});

/** Examples that name what is not here. */
const ENDS_OTHERWISE: Readonly<Record<string, number>> = {
  'callseal config check --config /etc/callseal.yaml': 8,
  'callseal dlq show 5b0c1f9e-3c55-4f43-9d7e-1f2a4c8b6d10': 3,
  "callseal dlq show callseal.calls.completed/0/7 --open --reason 'which edge sends this'": 3,
  'callseal dlq export --code EVENT_NOT_JSON -o letters.ndjson --ticket OPS-1': 3,
  'callseal dlq discard --fingerprint 5f1b9c0d2e7a --ticket OPS-1': 3,
  'callseal dlq restore --fingerprint 5f1b9c0d2e7a --ticket OPS-2': 3,
  'callseal replay plan --tenant demo --code SOURCE_MISSING --since 24h': 3,
  'callseal replay apply --plan HASH --ticket INC-4711 --rate 100/s --canary 20 --stop-at 5%': 3,
  'callseal replay status 5b0c1f9e-3c55-4f43-9d7e-1f2a4c8b6d10 --follow': 3,
  'callseal replay pause 5b0c1f9e-3c55-4f43-9d7e-1f2a4c8b6d10 --ticket INC-4711': 3,
  'callseal replay resume 5b0c1f9e-3c55-4f43-9d7e-1f2a4c8b6d10 --ticket INC-4711': 3,
  'callseal replay cancel 5b0c1f9e-3c55-4f43-9d7e-1f2a4c8b6d10 --ticket INC-4711': 3,
  // No policy of this folder lets sources go, and nothing in an embedded inbox is unreadable.
  'callseal sources release demo/intake-0001 --dry-run': 7,
  'callseal sources release --tenant demo --older-than 30d --ticket OPS-17': 7,
  'callseal inbox skip --topic callseal.calls.completed --partition 3 --offset 41822 --ticket OPS-1': 7,
};
/** The secrets that the profile names are not here either. */
const WITHOUT_SECRETS = 8;

/** The demo is a whole run of the worker, and a machine may be busy. */
const HALF_A_MINUTE = 30_000;

let folder: string;

beforeAll(async () => {
  folder = await workingFolder();
  await cp(join(folder, 'samples/call.opus'), join(folder, 'call.wav'));
  await cp(join(folder, 'samples/transcript.json'), join(folder, 'call.json'));
  const seal = 'callseal seal --tenant demo --call c-0001 --audio call.wav --artifact transcript=call.json';
  await runShell(`callseal demo && ${seal}`, folder);
}, HALF_A_MINUTE);

for (const line of EXAMPLES) {
  const expected = line.includes(' --profile production') ? WITHOUT_SECRETS : (ENDS_OTHERWISE[line] ?? 0);
  test(`the example runs as it stands${expected === 0 ? '' : `, to exit code ${expected}`}: ${line}`, async () => {
    expect(await runShell(line, folder)).toMatchObject({ code: expected });
  });
}
