/**
 * How fast sealing and opening are, as ratios to something measured in the same process and round. Everything
 * that a round seals is opened again and compared.
 *
 *   node bench/seal.ts     prints the table; exits 1 when a row missed its floor
 */
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { promisify } from 'node:util';
import { type BenchRow, ratiosOf, rowOf } from './seal/measure.ts';
import { SDK_DEFAULTS, SDK_TUNED, sdkOpen, sdkSeal } from './seal/stock-sdk.ts';
import { cipherAlone, hotChunks, SealedParts, slicesOf } from './seal/subjects.ts';

const MIB = 1024 * 1024;
const CIPHER_BYTES = 128 * MIB;
const MEMORY_BYTES = 32 * MIB;
const CIPHER = 'AES-256-GCM alone, 63,488-byte updates';

/** All rows about the sealed-object format, after at least nine rounds each. Takes about a minute. */
export async function sealBench(rounds = 9): Promise<BenchRow[]> {
  return [...(await cipherRows(rounds)), ...(await stockRows(rounds))];
}

async function cipherRows(rounds: number): Promise<BenchRow[]> {
  const parts = new SealedParts(CIPHER_BYTES);
  const chunks = hotChunks(CIPHER_BYTES);
  const alone = (): void => cipherAlone(CIPHER_BYTES);
  const seal = (): void => parts.seal(chunks, { plainDigest: false });
  const sealWithDigest = (): void => parts.seal(chunks, { plainDigest: true });

  const sealing = await ratiosOf({ rounds, one: alone, other: seal, clock: 'thread' });
  parts.verify(chunks);
  const opening = await ratiosOf({ rounds, one: alone, other: () => parts.open(), clock: 'thread' });
  const digest = await ratiosOf({ rounds, one: sealWithDigest, other: seal, clock: 'thread' });
  sealWithDigest();
  parts.verify(chunks);

  return [
    rowOf({ name: 'seal', reference: CIPHER, floor: 0.45, target: 0.52, better: 'higher' }, sealing),
    rowOf(
      { name: 'open and verify', reference: CIPHER, floor: 0.55, target: 0.65, better: 'higher' },
      opening,
    ),
    rowOf(
      {
        name: 'plaintext digest on top',
        reference: 'sealing without it',
        floor: 0.3,
        target: 0.22,
        better: 'lower',
      },
      digest.map((ratio) => ratio - 1),
    ),
  ];
}

/** Like with like: the SDK makes no plaintext digest and hands the plaintext out in one buffer. */
async function stockRows(rounds: number): Promise<BenchRow[]> {
  const plain = randomBytes(MEMORY_BYTES);
  const slices = slicesOf(plain);
  const parts = new SealedParts(MEMORY_BYTES);
  const opened = Buffer.alloc(MEMORY_BYTES);
  const rows: BenchRow[] = [];
  for (const { name, options, seal, open } of [
    { name: 'defaults', options: SDK_DEFAULTS, seal: [15, 20], open: [20, 30] },
    { name: 'tuned to 64 KiB frames', options: SDK_TUNED, seal: [3, 4], open: [4, 6] },
  ] as const) {
    const reference = `AWS Encryption SDK for JavaScript, ${name}`;
    const sealed = await sdkSeal(plain, options);
    if (!(await sdkOpen(sealed)).equals(plain)) throw new Error('the SDK did not open what it sealed');
    const sealing = await ratiosOf({
      rounds,
      one: async () => void (await sdkSeal(plain, options)),
      other: () => parts.seal(slices, { plainDigest: false }),
      clock: 'process',
    });
    parts.verify(slices);
    const opening = await ratiosOf({
      rounds,
      one: async () => void (await sdkOpen(sealed)),
      other: () => openInto(parts, opened),
      clock: 'process',
    });
    if (!opened.equals(plain)) throw new Error('another plaintext was opened than was sealed');
    rows.push(
      rowOf(
        { name: 'seal from memory', reference, floor: seal[0], target: seal[1], better: 'higher' },
        sealing,
      ),
      rowOf(
        { name: 'open from memory', reference, floor: open[0], target: open[1], better: 'higher' },
        opening,
      ),
    );
  }
  return rows;
}

/** Joins the plaintext, as the SDK does. */
function openInto(parts: SealedParts, into: Buffer): void {
  let at = 0;
  parts.open((plain) => {
    into.set(plain, at);
    at += plain.length;
  });
}

/** What `openssl speed` says on this machine: its version is not the one inside Node, so it is shown, not used. */
async function opensslSpeed(): Promise<string> {
  const run = promisify(execFile);
  try {
    const version = await run('openssl', ['version']);
    const speed = await run('openssl', ['speed', '-seconds', '1', '-bytes', '65536', '-evp', 'aes-256-gcm']);
    return `${version.stdout.trim().split(' (')[0]}: ${speed.stdout.trim().split('\n').at(-1)}`;
  } catch {
    return 'no openssl command here';
  }
}

function printTable(rows: readonly BenchRow[]): void {
  for (const { name, reference, ratio, floor, target, better, met } of rows) {
    const asked = `${better === 'higher' ? 'at least' : 'at most'} ${floor}, beyond ${target}`;
    console.log(
      `${met ? 'ok    ' : 'MISSED'} ${name.padEnd(24)} ${ratio.toFixed(3).padStart(7)}  ${asked.padEnd(26)} ${reference}`,
    );
  }
}

if (import.meta.main) {
  console.log(`node ${process.version}, OpenSSL ${process.versions.openssl}; ${await opensslSpeed()}`);
  const rows = await sealBench();
  printTable(rows);
  process.exitCode = rows.every((row) => row.met) ? 0 : 1;
}
