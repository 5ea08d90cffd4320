/**
 * What a look at a dependency came to:
 *
 *   ok     as it should be
 *   loud   it works, but something is to be known or a promise of the product does not hold
 *   bad    it answered, and something there or in the settings must be changed
 *   down   it does not answer
 */
export type FindingStatus = 'ok' | 'loud' | 'bad' | 'down';

/** One sentence about one thing. */
export interface Finding {
  readonly name: string;
  readonly status: FindingStatus;
  readonly finding: string;
  /** What to type or change where it is not ok. */
  readonly hint?: string;
}

export function ok(name: string, finding: string): Finding {
  return { name, status: 'ok', finding };
}

export function loud(name: string, finding: string, hint: string): Finding {
  return { name, status: 'loud', finding, hint };
}

export function bad(name: string, finding: string, hint: string): Finding {
  return { name, status: 'bad', finding, hint };
}

export function down(name: string, finding: string, hint: string): Finding {
  return { name, status: 'down', finding, hint };
}

const SECOND = 1_000;
const DAY = 86_400 * SECOND;
const SKEW_LOUD_MS = 5 * SECOND;
/** AWS refuses a signature that is older: after 15 minutes in S3, after 5 in most other services, KMS among them. */
const SKEW_BAD_MS = 5 * 60 * SECOND;
const CERTIFICATE_LOUD_DAYS = 14;

/** @param skewMs - this machine's clock minus the other one */
export function clockFinding(skewMs: number): Finding {
  const name = 'clock';
  const seconds = Math.round(Math.abs(skewMs) / SECOND);
  const is = `this machine is ${seconds} s ${skewMs < 0 ? 'behind' : 'ahead of'} it`;
  const hint = 'set this machine to the time of its network: timedatectl, or chronyc tracking';
  if (Math.abs(skewMs) > SKEW_BAD_MS)
    return bad(name, `${is}: signatures are refused from 5 minutes on`, hint);
  if (Math.abs(skewMs) > SKEW_LOUD_MS) return loud(name, is, hint);
  return ok(name, `within ${SKEW_LOUD_MS / SECOND} s of ours`);
}

/** @param until - when the first certificate of the chain ends */
export function certificateFinding(until: Date, now: Date, host: string): Finding {
  const name = 'certificate';
  const days = Math.floor((until.getTime() - now.getTime()) / DAY);
  const day = until.toISOString().slice(0, 10);
  const hint = `renew the certificate of ${host}`;
  if (until <= now) return bad(name, `ended on ${day}`, hint);
  const left = `${days} ${days === 1 ? 'day' : 'days'} left, until ${day}`;
  return days < CERTIFICATE_LOUD_DAYS ? loud(name, left, hint) : ok(name, left);
}
