import type { AnswerRow } from '../../domain/answers.ts';
import { deliveredDigest } from '../../domain/deliveries.ts';
import { CallsealError, codeOf, dispositionOf } from '../../domain/errors.ts';
import { newUid } from '../../domain/ids.ts';
import type { Letter } from '../../domain/letter.ts';
import { patchEvent } from '../../domain/patch-event.ts';
import {
  isTemporary,
  NO_CAP,
  type PlannedReplay,
  planHash,
  REPLAY_CAP,
  type ReplayFinding,
  type ReplayPlan,
} from '../../domain/replay.ts';
import type { Campaigns } from '../../ports/campaigns.ts';
import type { Events } from '../../ports/events.ts';
import type { ParkedFilter, ParkedLedger } from '../../ports/parked.ts';
import { type FoundLetter, findLetters } from './find-letters.ts';
import { type LetterParts, letterOpener } from './open-letter.ts';
import { type PreflightParts, preflight } from './preflight.ts';

export interface PlanParts extends Omit<LetterParts, 'keys'>, Omit<PreflightParts, 'keys'> {
  readonly keys: LetterParts['keys'] & PreflightParts['keys'];
  readonly registry: LetterParts['registry'] &
    PreflightParts['registry'] &
    Pick<ParkedLedger, 'parked'> &
    Pick<Campaigns, 'addPlan'>;
  readonly events: Pick<Events, 'read'>;
  readonly now: () => Date;
}

export interface PlanRequest {
  readonly filter: ParkedFilter & { readonly revision?: number };
  /** At most so many; a plan of more than this is refused. */
  readonly most: number;
  /** Canonical text of a JSON Patch. */
  readonly patch: string | undefined;
  /** Takes records along whose source, key or dependency is away now. */
  readonly anyway: boolean;
  /** Takes those that were replayed too often along. */
  readonly quarantined: boolean;
  /** Told how many letters were looked at. */
  readonly onProgress?: (looked: number, of: number) => void;
  /** Told of the first taken records that a patch changes; only for somebody who may see them. */
  readonly onSample?: (record: PlannedReplay, before: Letter, after: Letter) => void;
}

export interface MadePlan extends ReplayPlan {
  readonly hash: string;
  readonly records: readonly PlannedReplay[];
}

/** Letters whose sources are asked for side by side. */
const SIDE_BY_SIDE = 16;
/** Clocks of workers and of the topic's broker may differ by so much. */
const CLOCKS_MS = 3_600_000;

/**
 * Looks at every parked answer that the filter meets, opens its letter, applies the patch and asks what a replay would
 * meet; writes the plan. Nothing but the plan is written, and nothing is published.
 *
 * @throws CallsealError NOT_FOUND - the filter meets nothing; USAGE - it meets more than `most`
 */
export async function planReplay(
  parts: PlanParts,
  request: PlanRequest,
  signal: AbortSignal,
): Promise<MadePlan> {
  const answers = await parkedAnswers(parts, request, signal);
  const records = await lookAt(parts, request, answers, signal);
  const plan: ReplayPlan = {
    uid: newUid(),
    plannedAt: parts.now().toISOString(),
    filter: wordsOf(request),
    patch: request.patch,
    cap: request.quarantined ? NO_CAP : REPLAY_CAP,
  };
  const hash = planHash(plan, records);
  const fact = parts.auditor.fact('campaign.plan', { subject: { kind: 'campaign', uid: plan.uid } });
  await parts.registry.addPlan({ ...plan, hash }, records, fact, signal);
  return { ...plan, hash, records };
}

async function parkedAnswers(
  { registry, now }: PlanParts,
  { filter: { revision, ...filter }, most }: PlanRequest,
  signal: AbortSignal,
): Promise<AnswerRow[]> {
  const newSince = now().toISOString();
  const found = await registry.parked({ ...filter, state: 'waiting' }, { newSince, limit: most + 1 }, signal);
  if (found.length > most) {
    throw new CallsealError('USAGE', `the filter meets more than ${most} dead letters`, {
      hint: 'narrow it (--tenant, --code, --since, --until), or say --limit with a higher number',
    });
  }
  const answers = found
    .map(({ answer }) => answer)
    .filter((answer) => revision === undefined || answer.revision === revision);
  if (answers.length > 0) return answers;
  throw new CallsealError('NOT_FOUND', 'nothing that is parked meets this filter', {
    hint: 'callseal dlq ls',
  });
}

type Draft = Omit<PlannedReplay, 'number'>;

async function lookAt(
  parts: PlanParts,
  request: PlanRequest,
  answers: readonly AnswerRow[],
  signal: AbortSignal,
): Promise<PlannedReplay[]> {
  const look = createLook(parts, request);
  const byUid = new Map(answers.map((answer) => [answer.uid, answer]));
  const drafts: Draft[] = [];
  const since = new Date(Math.min(...answers.map(({ decidedAt }) => Date.parse(decidedAt))) - CLOCKS_MS);
  const flush = async (letters: FoundLetter[]): Promise<void> => {
    drafts.push(
      ...(await Promise.all(
        letters.flatMap((letter) => {
          const answer = byUid.get(letter.answerUid);
          return answer === undefined ? [] : [look(answer, letter, signal)];
        }),
      )),
    );
    for (const { answerUid } of letters) byUid.delete(answerUid);
    request.onProgress?.(drafts.length, answers.length);
  };
  let letters: FoundLetter[] = [];
  for await (const letter of findLetters(parts.events, [...byUid.keys()], { since }, signal)) {
    letters.push(letter);
    if (letters.length < SIDE_BY_SIDE) continue;
    await flush(letters);
    letters = [];
  }
  await flush(letters);
  for (const answer of byUid.values()) drafts.push(withoutLetter(answer));
  return drafts.map((draft, number) => ({ number, ...draft }));
}

function createLook(parts: PlanParts, request: PlanRequest) {
  const opener = letterOpener(parts);
  const ask = preflight(parts);
  return async (answer: AnswerRow, { record, after }: FoundLetter, signal: AbortSignal): Promise<Draft> => {
    const draft = { ...draftOf(answer), after };
    if (answer.replay >= REPLAY_CAP && !request.quarantined) return { ...draft, finding: 'QUARANTINED' };
    const opened = await openOrFinding(async () => await opener.open(record, signal));
    if (typeof opened === 'string') return { ...draft, finding: opened };
    const patched = patchedOrFinding(opened, request.patch);
    if (typeof patched === 'string') return { ...draft, finding: patched };
    const { value } = patched;
    const finding = await ask({ ...answer, letter: patched }, signal);
    const taken = finding === undefined || (request.anyway && isTemporary(finding));
    const looked = {
      ...draft,
      digest: deliveredDigest(value),
      bytes: value.length,
      finding: taken ? undefined : finding,
    };
    if (taken) request.onSample?.({ number: 0, ...looked }, opened, patched);
    return looked;
  };
}

function draftOf(answer: AnswerRow): Draft {
  const { uid, origin, replay, tenant, call, callUid, revision } = answer;
  const names = { tenant, call, callUid, revision };
  return {
    answerUid: uid,
    origin,
    replay: replay + 1,
    ...names,
    digest: '',
    bytes: 0,
    after: undefined,
    finding: undefined,
  };
}

function withoutLetter(answer: AnswerRow): Draft {
  return { ...draftOf(answer), finding: 'LETTER_MISSING' };
}

/** A dependency that is away ends the plan: of what could not be looked at it would say nothing true. */
async function openOrFinding(open: () => Promise<Letter>): Promise<Letter | ReplayFinding> {
  try {
    return await open();
  } catch (error) {
    const code = codeOf(error);
    if (code === 'NOT_AUTHENTIC' || code === 'NOT_FOUND') return 'LETTER_UNREADABLE';
    if (dispositionOf(code) === 'pause' || code === 'STOPPING') throw error;
    return 'LETTER_UNREADABLE';
  }
}

function patchedOrFinding(letter: Letter, patch: string | undefined): Letter | ReplayFinding {
  if (patch === undefined) return letter;
  try {
    return patchEvent(letter, patch);
  } catch (error) {
    if (error instanceof CallsealError) return 'PATCH_FAILED';
    throw error;
  }
}

function wordsOf({ filter, anyway, quarantined }: PlanRequest): ReplayPlan['filter'] {
  const words: Record<string, string | number | boolean> = {};
  for (const [name, value] of Object.entries(filter)) {
    if (typeof value === 'string' || typeof value === 'number') words[name] = value;
  }
  return { ...words, ...(anyway && { anyway }), ...(quarantined && { quarantined }) };
}
