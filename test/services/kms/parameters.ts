import { checkedContext, type EncryptionContext } from './encryption-context.ts';
import { KmsError } from './errors.ts';

/** The JSON document of a request, read with AWS's limits. A member that no one asks for is ignored, as AWS does. */
export class Parameters {
  readonly #given: Readonly<Record<string, unknown>>;

  /** @throws KmsError SerializationException - not one JSON object. */
  constructor(body: Buffer) {
    this.#given = jsonObject(body);
  }

  optionalText(name: string): string | undefined {
    const value = this.#given[name];
    if (value === undefined || value === null) return undefined;
    if (typeof value !== 'string') throw new KmsError('SerializationException', `${name} must be a string`);
    return value;
  }

  /** 1 to 2,048 characters, AWS's limits for names and ids. */
  text(name: string): string {
    const value = this.optionalText(name) ?? missing(name);
    if (value.length < 1 || value.length > 2048) throw outside(name, '1 to 2048 characters');
    return value;
  }

  bytes(name: string, most: number): Buffer {
    const bytes = Buffer.from(this.optionalText(name) ?? missing(name), 'base64');
    if (bytes.length < 1 || bytes.length > most) throw outside(name, `1 to ${most} bytes`);
    return bytes;
  }

  wholeNumber(name: string, least: number, most: number): number | undefined {
    const value = this.#given[name];
    if (value === undefined || value === null) return undefined;
    if (typeof value !== 'number') throw new KmsError('SerializationException', `${name} must be a number`);
    if (!Number.isInteger(value) || value < least || value > most) throw outside(name, `${least} to ${most}`);
    return value;
  }

  flag(name: string): boolean {
    return this.#given[name] === true;
  }

  optionalOneOf<Choice extends string>(name: string, choices: readonly Choice[]): Choice | undefined {
    const value = this.optionalText(name);
    if (value === undefined) return undefined;
    const choice = choices.find((one) => one === value);
    if (choice === undefined) throw outside(name, `[${choices.join(', ')}]`);
    return choice;
  }

  oneOf<Choice extends string>(name: string, choices: readonly Choice[]): Choice {
    return this.optionalOneOf(name, choices) ?? missing(name);
  }

  context(name: string): EncryptionContext {
    return checkedContext(this.#given[name]);
  }

  has(name: string): boolean {
    return this.#given[name] !== undefined && this.#given[name] !== null;
  }
}

function jsonObject(body: Buffer): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(body.toString('utf8'));
  } catch {
    throw new KmsError('SerializationException', 'the body is no JSON');
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new KmsError('SerializationException', 'the body is no JSON object');
  }
  return value as Record<string, unknown>;
}

function missing(name: string): never {
  throw new KmsError(
    'ValidationException',
    `1 validation error detected: Value null at '${name}' failed to satisfy constraint: Member must not be null`,
  );
}

function outside(name: string, allowed: string): KmsError {
  return new KmsError(
    'ValidationException',
    `1 validation error detected: Value at '${name}' failed to satisfy constraint: ${allowed}`,
  );
}
