import { open } from 'node:fs/promises';
import type { Command } from 'commander';
import { CallsealError, EXIT } from '../domain/errors.ts';
import {
  type AuditVerdict,
  verifyAuditFile,
  verifyAuditTopic,
  verifyRegistryAudit,
} from '../work/verify-audit.ts';
import type { App } from './app.ts';
import { example, group } from './frame.ts';
import { counted } from './words.ts';

interface VerifyFlags {
  readonly topic?: boolean;
  readonly offline?: boolean;
}

/** `callseal audit verify`: proves that the audit chain has no gap, no edit and no other order. */
export function registerAuditVerify(program: Command, app: App): void {
  example(
    group(program, 'audit', 'the audit chain')
      .command('verify')
      .description('verify the audit chain of the registry, of the audit topic or of an exported file')
      .argument('[file]', 'an export: one event a line')
      .option('--topic', 'verify what stands on the audit topic')
      .option('--offline', 'a file on its own, without the last published head')
      .action((file: string | undefined, flags: VerifyFlags) => verifyAudit(app, file, flags)),
    'callseal audit verify',
    'callseal events audit --values > audit.ndjson && callseal audit verify audit.ndjson --offline',
  );
}

async function verifyAudit(app: App, file: string | undefined, flags: VerifyFlags): Promise<void> {
  const verdict = await verdictOf(app, file, flags);
  await app.voice.document(verdict, () => linesOf(verdict));
  if (verdict.problemCount > 0) app.exitWith(EXIT.verificationFailed);
}

async function verdictOf(app: App, file: string | undefined, flags: VerifyFlags): Promise<AuditVerdict> {
  if (file !== undefined) {
    const events = flags.offline === true ? undefined : (await app.ports()).events;
    return await verifyAuditFile(await bytesOf(file), events, app.signal);
  }
  const { registry, events } = await app.ports();
  if (flags.topic === true) return await verifyAuditTopic(events, app.signal);
  const verdict = await verifyRegistryAudit(registry, events, app.signal);
  const { unsequenced } = await registry.pending(app.signal);
  if (unsequenced > 0) {
    const are = unsequenced === 1 ? 'is' : 'are';
    app.voice.say(
      `${counted(unsequenced, 'audit event')} ${are} not in the chain yet; a worker puts them there`,
    );
  }
  return verdict;
}

async function bytesOf(file: string): Promise<AsyncIterable<Buffer>> {
  const opened = await open(file).catch((cause: NodeJS.ErrnoException) => {
    throw new CallsealError('NOT_FOUND', `${file} cannot be read: ${cause.code ?? 'unknown error'}`, {
      cause,
    });
  });
  return opened.createReadStream();
}

function* linesOf(verdict: AuditVerdict): Generator<string> {
  const span = verdict.from === undefined ? '' : `, ${verdict.from} to ${verdict.to}`;
  const found = verdict.problemCount === 0 ? 'whole' : counted(verdict.problemCount, 'problem');
  yield `${counted(verdict.events, 'audit event')}${span}: ${found}`;
  for (const { kind, seq, record, says } of verdict.problems) {
    yield `${kind}  ${seq === undefined ? `record ${record}` : `event ${seq}`}: ${says}`;
  }
  yield verdict.tail.note;
}
