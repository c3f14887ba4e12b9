import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { sha256File } from '../../../base/digest.ts';
import { flError, NeuroflareError, toNeuroflareError } from '../../../base/errors/errors.ts';
import type { Logger } from '../../../base/logging/logger.ts';
import type { Intake } from '../../../federation/intake/intake.ts';
import { LOCAL_FILES } from '../../../job/job-paths.ts';
import { JOB_LIMITS } from '../../../job/limits.ts';
import type { Decision } from '../../../network/messages/site.ts';
import type { SignedJob } from '../../../network/messages/terms.ts';
import type { Identity } from '../../../security/certificate/identity.ts';
import type { AuditLog, Deed } from '../../../security/logs/audit-log.ts';
import type { RepeatedDeeds } from '../../../security/logs/repeated-deeds.ts';
import type { SiteJobFolder } from '../memory/client-folder.ts';
import type { ServerLink } from '../server-link.ts';
import { type OnTrouble, whenRoom } from '../tasks/when-room.ts';
import {
  decide,
  type Offered,
  refusal,
  requireSigned,
  requireWelcome,
  type SiteRules,
  staleList,
} from './decide.ts';

/** How often an approval is looked for. */
const APPROVAL_MS = 500;

export interface KnownJob {
  readonly signed: SignedJob;
  readonly signer: Identity;
  readonly offered?: Offered;
}

export interface AdmissionDeps {
  readonly site: string;
  readonly folder: SiteJobFolder;
  readonly link: ServerLink;
  readonly intake: Intake;
  /** Read anew for every decision: policy and approvals may change while the client runs. */
  readonly rules: () => Promise<SiteRules>;
  readonly logger: Logger;
  readonly audit: AuditLog;
  /** Of jobs that nobody of the project has signed: a server can make up as many as it likes. */
  readonly refusals: RepeatedDeeds;
  readonly tell: (line: string) => void;
  /** Whose job it is and what is in it, as soon as that is known. */
  readonly onKnown: (known: KnownJob) => void;
  readonly known: () => KnownJob | undefined;
  readonly onDecision: (decision: Decision) => void;
  readonly onTrouble: OnTrouble;
  readonly signal: AbortSignal;
}

/**
 * Takes a job of the server, or does not: its signature first, then its files, then what the site's rules say. Its files are fetched
 * and opened only after its signature was found good and its submitter welcome. Waits for its code to be approved; one that is refused
 * stays refused, and undefined is returned.
 */
export async function admit(id: string, deps: AdmissionDeps): Promise<Offered | undefined> {
  const { link, signal } = deps;
  try {
    const signed = await link.signedJob(id, signal);
    const rules = await rulesWhenReadable(id, deps);
    const signer = requireSigned({ id, signed }, rules);
    deps.onKnown({ signed, signer });
    requireWelcome(signer, signed, rules);
    const offered = await fetchJob({ id, signed }, deps);
    deps.onKnown({ signed, signer, offered });
    return (await isTaken(offered, deps)) ? offered : undefined;
  } catch (thrown) {
    signal.throwIfAborted();
    // Whatever it is: an offer without an answer would stand for days.
    await say(id, refusal(toNeuroflareError(thrown)), deps);
    return undefined;
  }
}

/** How people know a job: by its name, once that is known. */
export function shownName(id: string, { signed, offered }: Partial<KnownJob> = {}): string {
  const name = signed?.terms.version === 2 ? signed.terms.name : offered?.job.name;
  return name ?? `job ${id}`;
}

async function isTaken(offered: Offered, deps: AdmissionDeps): Promise<boolean> {
  let said: Decision['answer'] | undefined;
  for (;;) {
    const decision = await decideNow(offered, deps);
    if (decision.answer !== said) await say(offered.id, decision, deps);
    said = decision.answer;
    if (said !== 'waiting for approval') return said === 'accepted';
    await sleep(APPROVAL_MS, undefined, { signal: deps.signal });
  }
}

/** While the site's rules cannot be read no job begins here, and none is refused for it. */
async function decideNow(offered: Offered, { rules }: AdmissionDeps): Promise<Decision> {
  const read = await rules().catch((thrown: unknown) => toNeuroflareError(thrown));
  if (read instanceof NeuroflareError) return { answer: 'waiting for approval', reason: read.report() };
  const decision = await decide(offered, read);
  const stale = decision.answer === 'accepted' ? staleList(read) : undefined;
  return stale ? { answer: 'waiting for approval', reason: stale.report() } : decision;
}

/**
 * Fetches a job's files, checked against what was signed, into a folder of their own. Those of no use are refused; where this machine
 * has no room for them they wait.
 */
async function fetchJob(offer: Pick<Offered, 'id' | 'signed'>, deps: AdmissionDeps): Promise<Offered> {
  const { folder, link, onTrouble, signal } = deps;
  const { bundle: packed } = offer.signed;
  const { most, what } = JOB_LIMITS.submission;
  if (packed.size > most)
    throw flError('NF_JOB_BUNDLE', { reason: `${what} has ${packed.size} bytes, and ${most} are the most` });
  const file = join(folder.root, 'bundle.json');
  if ((await sha256File(file).catch(() => undefined)) !== packed.sha256)
    await link.fetch(`/v1/site/jobs/${offer.id}/bundle`, { target: file, ...packed, onTrouble }, signal);
  const open = () => openJob(file, offer, deps);
  return whenRoom(open, { onTrouble, signal }).catch((thrown: unknown) => {
    throw toNeuroflareError(thrown);
  });
}

async function openJob(
  file: string,
  { id, signed }: Pick<Offered, 'id' | 'signed'>,
  { folder, intake, signal }: AdmissionDeps,
): Promise<Offered> {
  const { bundle_sha256: sha256 } = signed.terms;
  await rm(folder.bundle, { recursive: true, force: true });
  const opened = await intake.run('open', { file, folder: folder.bundle, signed: sha256 }, signal);
  const rules = { modelComesApart: true, mostModelBytes: LOCAL_FILES.mostBytes };
  const { definition } = await intake.run('load', { folder: folder.bundle, rules }, signal);
  return { id, signed, bundle: { sha256, codeSha256: opened.codeSha256 }, job: definition };
}

async function rulesWhenReadable(id: string, deps: AdmissionDeps): Promise<SiteRules> {
  for (let isFirst = true; ; isFirst = false) {
    const read = await deps.rules().catch((thrown: unknown) => toNeuroflareError(thrown));
    if (!(read instanceof NeuroflareError)) return read;
    if (isFirst) await say(id, { answer: 'waiting for approval', reason: read.report() }, deps);
    await sleep(APPROVAL_MS, undefined, { signal: deps.signal });
  }
}

/** Tells the server, the audit log and people what becomes of a job here. */
export async function say(
  job: string,
  decision: Decision,
  {
    site,
    link,
    logger,
    audit,
    refusals,
    tell,
    known,
    onDecision,
  }: Pick<AdmissionDeps, 'site' | 'link' | 'logger' | 'audit' | 'refusals' | 'tell' | 'known' | 'onDecision'>,
): Promise<void> {
  onDecision(decision);
  const signer = known()?.signer;
  const code = decision.reason?.code;
  const detail = code ?? signer?.name;
  const outcome = decision.answer === 'refused' ? 'refused' : 'done';
  const action = `job.${decision.answer.replaceAll(' ', '_')}`;
  const deed: Deed = { actor: site, action, job, site, outcome, ...(detail !== undefined && { detail }) };
  if (outcome === 'refused' && signer === undefined) await refusals.note(`${code}`, deed);
  else await audit.append(deed);
  logger.info({ job, answer: decision.answer, code }, 'decision');
  const { reason, answer } = decision;
  // Who has to do something is told what.
  const next = answer === 'waiting for approval' && reason ? ` ${reason.hint}` : '';
  const why = reason ? `: ${reason.message}${next}` : '';
  const whose = signer === undefined ? '' : ` of ${signer.name}`;
  tell(`${shownName(job, known())}${whose}: ${decision.answer}${why}`);
  await link.decide(job, decision);
}
