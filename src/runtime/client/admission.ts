import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Intake } from '../federation/intake/intake.ts';
import { LOCAL_FILES } from '../job/job-paths.ts';
import { JOB_LIMITS } from '../job/limits.ts';
import { sha256File } from '../kernel/digest.ts';
import { flError, NeuroflareError, toNeuroflareError } from '../kernel/errors.ts';
import type { AuditLog } from '../store/audit-log.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { Decision, JobOffer } from '../wire/site.ts';
import type { SiteJobFolder } from './client-folder.ts';
import { decide, decideOffer, type Offered, refusal, type SiteRules } from './decide.ts';
import type { ServerLink } from './server-link.ts';
import { type OnTrouble, whenRoom } from './when-room.ts';

/** How often an approval is looked for. */
const APPROVAL_MS = 500;

export interface AdmissionDeps {
  readonly site: string;
  readonly folder: SiteJobFolder;
  readonly link: ServerLink;
  readonly intake: Intake;
  /** Read anew for every decision: policy and approvals may change while the client runs. */
  readonly rules: () => Promise<SiteRules>;
  readonly logger: Logger;
  readonly audit: AuditLog;
  readonly tell: (line: string) => void;
  /** What the job's code is, once its files are here. */
  readonly onOpened: (codeSha256: string) => void;
  readonly onDecision: (decision: Decision) => void;
  readonly onTrouble: OnTrouble;
  readonly signal: AbortSignal;
}

/**
 * A job that this site takes, or undefined. Waits for its code to be approved; one that is refused stays refused. Its files are
 * fetched and opened only after its signature was found good.
 */
export async function admit(offer: JobOffer, deps: AdmissionDeps): Promise<Offered | undefined> {
  let said: Decision['answer'] | undefined;
  let fetched: Offered | Decision | undefined;
  for (;;) {
    const rules = await deps.rules().catch((thrown: unknown) => toNeuroflareError(thrown));
    let decision = decideOn(offer, rules);
    if (!decision && !(rules instanceof NeuroflareError)) {
      fetched ??= await fetchJob(offer, deps);
      decision = 'answer' in fetched ? fetched : await decide(fetched, rules);
    }
    if (decision && decision.answer !== said) await say(offer, decision, deps);
    said = decision?.answer;
    if (said === 'accepted' && fetched && 'offer' in fetched) return fetched;
    if (said === 'refused') return undefined;
    await sleep(APPROVAL_MS, undefined, { signal: deps.signal });
  }
}

/** While the site's rules cannot be read no job begins here, and none is refused for it. */
function decideOn(offer: JobOffer, rules: SiteRules | NeuroflareError): Decision | undefined {
  if (rules instanceof NeuroflareError) return { answer: 'waiting for approval', reason: rules.report() };
  return decideOffer(offer, rules);
}

/**
 * Fetches a job's files, checked against the digest of the offer, into a folder of their own. Those of no use are refused; where this
 * machine has no room for them they wait.
 */
async function fetchJob(offer: JobOffer, deps: AdmissionDeps): Promise<Offered | Decision> {
  const { folder, link, onTrouble, signal } = deps;
  const { job_id: id, bundle: packed } = offer;
  const { most, what } = JOB_LIMITS.submission;
  if (packed.size > most)
    return refusal(
      flError('NF_JOB_BUNDLE', { reason: `${what} has ${packed.size} bytes, and ${most} are the most` }),
    );
  const file = join(folder.root, 'bundle.json');
  if ((await sha256File(file).catch(() => undefined)) !== packed.sha256)
    await link.fetch(`/v1/site/jobs/${id}/bundle`, { target: file, ...packed, onTrouble }, signal);
  const open = () => openJob(file, offer, deps);
  return whenRoom(open, { onTrouble, signal }).catch((thrown: unknown) => {
    signal.throwIfAborted();
    return refusal(toNeuroflareError(thrown));
  });
}

async function openJob(
  file: string,
  offer: JobOffer,
  { folder, intake, signal, onOpened }: AdmissionDeps,
): Promise<Offered> {
  const { bundle_sha256: signed } = offer;
  await rm(folder.bundle, { recursive: true, force: true });
  const { codeSha256 } = await intake.run('open', { file, folder: folder.bundle, signed }, signal);
  onOpened(codeSha256);
  const rules = { modelComesApart: true, mostModelBytes: LOCAL_FILES.mostBytes };
  const { definition } = await intake.run('load', { folder: folder.bundle, rules }, signal);
  return { offer, bundle: { sha256: signed, codeSha256 }, job: definition };
}

async function say(
  { job_id: job, name, submitter }: JobOffer,
  decision: Decision,
  { site, link, logger, audit, tell, onDecision }: AdmissionDeps,
): Promise<void> {
  onDecision(decision);
  const detail = decision.reason?.code;
  const outcome = decision.answer === 'refused' ? 'refused' : 'done';
  const action = `job.${decision.answer.replaceAll(' ', '_')}`;
  await audit.append({ actor: site, action, job, site, outcome, detail: detail ?? submitter.name });
  logger.info({ job, answer: decision.answer, code: detail }, 'decision');
  const why = decision.reason ? `: ${decision.reason.message}` : '';
  tell(`${name} of ${submitter.name}: ${decision.answer}${why}`);
  await link.decide(job, decision);
}
