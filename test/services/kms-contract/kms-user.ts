import {
  CreateKeyCommand,
  type CreateKeyCommandInput,
  DecryptCommand,
  DescribeKeyCommand,
  GenerateDataKeyCommand,
  type KMSClient,
  ScheduleKeyDeletionCommand,
} from '@aws-sdk/client-kms';

export const CONTEXT = { tenant: 't-42', callUid: 'c-1', class: 'phi', purpose: 'seal', attempt: 'a-1' };
export const MESSAGE = Buffer.from('the head of an audit chain');

type Context = Readonly<Record<string, string>>;

/** What the rules need again and again: keys of their own, data keys, and their opening. */
export class KmsUser {
  #client: KMSClient | undefined;
  readonly #made: string[] = [];

  /** Before the first test: suites are declared before there is anything to talk to. */
  use(client: KMSClient): void {
    this.#client = client;
  }

  get send(): KMSClient['send'] {
    const client = this.#client;
    if (!client) throw new Error('no test is running');
    return client.send.bind(client);
  }

  async newKey(options: CreateKeyCommandInput = {}): Promise<{ KeyId: string; Arn: string }> {
    const { KeyMetadata } = await this.send(
      new CreateKeyCommand({ Description: 'callseal contract test', ...options }),
    );
    const key = { KeyId: String(KeyMetadata?.KeyId), Arn: String(KeyMetadata?.Arn) };
    this.#made.push(key.KeyId);
    return key;
  }

  async newSigningKey() {
    return await this.newKey({ KeySpec: 'ECC_NIST_P256', KeyUsage: 'SIGN_VERIFY' });
  }

  async newMacKey() {
    return await this.newKey({ KeySpec: 'HMAC_256', KeyUsage: 'GENERATE_VERIFY_MAC' });
  }

  async dataKey(KeyId: string, EncryptionContext: Context = CONTEXT) {
    return await this.send(new GenerateDataKeyCommand({ KeyId, KeySpec: 'AES_256', EncryptionContext }));
  }

  async open(CiphertextBlob: Uint8Array | undefined, KeyId?: string, EncryptionContext: Context = CONTEXT) {
    const key = KeyId === undefined ? {} : { KeyId };
    return await this.send(new DecryptCommand({ CiphertextBlob, EncryptionContext, ...key }));
  }

  async stateOf(KeyId: string) {
    return (await this.send(new DescribeKeyCommand({ KeyId }))).KeyMetadata;
  }

  /** Every key that a test made costs money until it is deleted. One that a test has scheduled already is left so. */
  async scheduleDeletions(): Promise<void> {
    const scheduled = this.#made.map(
      async (KeyId) => await this.send(new ScheduleKeyDeletionCommand({ KeyId, PendingWindowInDays: 7 })),
    );
    await Promise.allSettled(scheduled);
  }
}

/** The name of AWS's exception that it was refused with, or `none`. */
export async function refusal(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
    return 'none';
  } catch (error) {
    return error instanceof Error ? error.name : 'not an error';
  }
}
