import {
  DescribeKeyCommand,
  GenerateDataKeyCommand,
  GetKeyRotationStatusCommand,
  type KeyMetadata,
  type KMSClient,
} from '@aws-sdk/client-kms';
import { CallsealError } from '../../domain/errors.ts';
import { bad, down, type Finding, loud, ok } from '../../domain/findings.ts';
import { watchRequests } from '../aws/probe.ts';
import { probeTls } from '../tls/probe.ts';
import { type AwsKmsOptions, openKms } from './aws-kms.ts';
import { translated } from './aws-kms-errors.ts';
import { requestRate } from './request-rate.ts';

export interface AwsKmsProbeOptions extends AwsKmsOptions {
  /** Every KEK of the settings: what it is for, such as `t-42 phi`, and how it is named there. */
  readonly keks: readonly { readonly use: string; readonly kek: string }[];
}

/**
 * The state of every KEK, and whether these credentials may generate under it: asked as a dry run, so no key is made.
 *
 * @throws the signal's reason
 */
export async function probeAwsKms(options: AwsKmsProbeOptions, signal: AbortSignal): Promise<Finding[]> {
  let client: KMSClient;
  try {
    client = openKms(options);
  } catch (error) {
    return [kmsFailure('endpoint', error)];
  }
  const { watch, middleware } = watchRequests();
  client.middlewareStack.add(middleware, { step: 'deserialize', priority: 'low', name: 'watched' });
  const rate = requestRate(options.requestsPerSecond);
  try {
    const found: Looked[] = [];
    for (const kek of options.keks) {
      await rate.take(signal);
      const looked = await lookAt(client, kek, signal);
      found.push(looked);
      if (looked.finding.status === 'down') break; // the others would wait for the same
    }
    const place = watch.place();
    if (place === undefined)
      return found.slice(0, 1).map(({ finding }) => ({ ...finding, name: 'credentials' }));
    const tls = await probeTls({ ...place, ca: options.ca, minVersion: options.minVersion }, signal);
    const clock = watch.clock();
    return [
      ...tls.findings,
      ...(clock ? [clock] : []),
      ...(tls.usable ? [...found.map(({ finding }) => finding), ...shared(found)] : []),
    ];
  } finally {
    client.destroy();
  }
}

interface Looked {
  readonly use: string;
  readonly arn: string | undefined;
  readonly finding: Finding;
}

async function lookAt(
  client: KMSClient,
  { use, kek }: { use: string; kek: string },
  signal: AbortSignal,
): Promise<Looked> {
  const name = `key ${use}`;
  try {
    const { KeyMetadata: key } = await client.send(new DescribeKeyCommand({ KeyId: kek }), {
      abortSignal: signal,
    });
    const finding = key
      ? await stateFinding(client, name, kek, key, signal)
      : down(name, `${kek}: KMS left out what it must answer with`, 'try again');
    return { use, arn: key?.Arn, finding };
  } catch (error) {
    signal.throwIfAborted();
    return { use, arn: undefined, finding: kmsFailure(name, error, kek) };
  }
}

async function stateFinding(
  client: KMSClient,
  name: string,
  kek: string,
  key: KeyMetadata,
  signal: AbortSignal,
): Promise<Finding> {
  if (key.KeySpec !== 'SYMMETRIC_DEFAULT' || key.KeyUsage !== 'ENCRYPT_DECRYPT') {
    return bad(
      name,
      `${kek} is no symmetric encryption key (${key.KeySpec ?? 'no spec'}, ${key.KeyUsage ?? 'no usage'})`,
      'name a key of SYMMETRIC_DEFAULT for ENCRYPT_DECRYPT',
    );
  }
  if (key.KeyState !== 'Enabled') return unusable(name, kek, key);
  const wrong = await generating(client, name, kek, signal);
  if (wrong) return wrong;
  const material = key.CurrentKeyMaterialId ?? 'not told';
  return ok(name, `${kek} is enabled, material ${material}, ${await rotation(client, kek, signal)}`);
}

function unusable(
  name: string,
  kek: string,
  { KeyState: state, KeyId: id = kek, DeletionDate: day }: KeyMetadata,
): Finding {
  if (state === 'Disabled') {
    return bad(name, `${kek} is disabled`, `aws kms enable-key --key-id ${id}; sealing goes on by itself`);
  }
  if (state === 'PendingDeletion' || state === 'PendingReplicaDeletion') {
    const when = day === undefined ? '' : ` on ${day.toISOString().slice(0, 10)}`;
    const hint = `aws kms cancel-key-deletion --key-id ${id}, then enable-key; or everything under it is lost`;
    return bad(name, `${kek} will be deleted${when}`, hint);
  }
  return bad(
    name,
    `${kek} cannot be used (${state ?? 'no state'})`,
    'see the state of the key in the console of KMS',
  );
}

/** @returns what is wrong; undefined where a real request would make a key. KMS writes it into its log as a dry run. */
async function generating(
  client: KMSClient,
  name: string,
  kek: string,
  signal: AbortSignal,
): Promise<Finding | undefined> {
  const command = new GenerateDataKeyCommand({
    KeyId: kek,
    KeySpec: 'AES_256',
    EncryptionContext: { purpose: 'doctor' },
    DryRun: true,
  });
  try {
    const { Plaintext: key } = await client.send(command, { abortSignal: signal });
    key?.fill(0);
    return loud(
      name,
      `${kek} is enabled, but KMS made a key where it was asked for a dry run`,
      'this is not AWS KMS: see that it knows DryRun',
    );
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof Error && error.name === 'DryRunOperationException') return undefined;
    return kmsFailure(name, error, kek);
  }
}

/** The right to ask is not one that the worker needs. */
async function rotation(client: KMSClient, kek: string, signal: AbortSignal): Promise<string> {
  try {
    const { KeyRotationEnabled: isOn, RotationPeriodInDays: days } = await client.send(
      new GetKeyRotationStatusCommand({ KeyId: kek }),
      { abortSignal: signal },
    );
    if (isOn !== true) return 'not rotated by KMS';
    return days === undefined ? 'rotated by KMS' : `rotated by KMS every ${days} days`;
  } catch {
    signal.throwIfAborted();
    return 'rotation not told (kms:GetKeyRotationStatus)';
  }
}

/** Two names of one key: what is done to the one happens to the other, too. */
function shared(found: readonly Looked[]): Finding[] {
  const uses = Map.groupBy(
    found.filter(({ arn }) => arn !== undefined),
    ({ arn }) => arn,
  );
  return [...uses.values()]
    .filter((group) => group.length > 1)
    .map((group) => {
      const names = group.map(({ use }) => use).join(', ');
      return loud(
        'keys',
        `one KMS key is behind ${names}`,
        'give each tenant and key class a key of its own, or they are disabled and destroyed together',
      );
    });
}

const IS_DOWN: ReadonlySet<string> = new Set(['KMS_DOWN', 'KMS_THROTTLED']);

function kmsFailure(name: string, error: unknown, kek?: string): Finding {
  const known = translated(error, undefined);
  const of = kek === undefined ? '' : `${kek}: `;
  if (!(known instanceof CallsealError))
    return bad(name, `${of}the request failed in a way that is not known`, 'please report this');
  const hint = known.hint ?? 'look at the endpoint, ca and credentialsFile of keys';
  return IS_DOWN.has(known.code)
    ? down(name, `${of}${known.message}`, hint)
    : bad(name, `${of}${known.message}`, hint);
}
