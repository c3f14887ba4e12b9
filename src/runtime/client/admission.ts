import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { unpackBundle } from '../federation/packed-bundle.ts';
import { reportedInside } from '../federation/reported-inside.ts';
import { loadSubmittedJob } from '../federation/submitted-job.ts';
import { writeBundle } from '../job/bundle.ts';
import { LOCAL_FILES } from '../job/job-paths.ts';
import { sha256File } from '../kernel/digest.ts';
import { NeuroflareError, toNeuroflareError } from '../kernel/errors.ts';
import type { AuditLog } from '../store/audit-log.ts';
import type { Logger } from '../telemetry/logger.ts';
import { packedBundle } from '../wire/shapes.ts';
import type { Decision, JobOffer } from '../wire/site.ts';
import type { SiteJobFolder } from './client-folder.ts';
import { decide, type Offered, type SiteRules } from './decide.ts';
import type { ServerLink } from './server-link.ts';

/** How often an approval is looked for. */
const APPROVAL_MS = 500;

/** Fetches a job's files, checked against the digest of the offer, into a folder of their own. */
export async function fetchJob(
  offer: JobOffer,
  { folder, link, signal }: { folder: SiteJobFolder; link: ServerLink; signal: AbortSignal },
): Promise<Offered> {
  const { job_id: id, bundle: packed } = offer;
  const target = join(folder.root, 'bundle.json');
  if ((await sha256File(target).catch(() => undefined)) !== packed.sha256)
    await link.fetch(`/v1/site/jobs/${id}/bundle`, { target, ...packed }, signal);
  const bundle = unpackBundle(packedBundle.parse(JSON.parse(await readFile(target, 'utf8'))));
  await rm(folder.bundle, { recursive: true, force: true });
  await writeBundle(bundle, folder.bundle);
  const rules = { modelComesApart: true, mostModelBytes: LOCAL_FILES.mostBytes };
  const { job } = await reportedInside(folder.bundle, () => loadSubmittedJob(folder.bundle, rules));
  return { offer, bundle, job: job.definition };
}

export interface AdmissionDeps {
  readonly site: string;
  readonly link: ServerLink;
  /** Read anew for every decision: policy and approvals may change while the client runs. */
  readonly rules: () => Promise<SiteRules>;
  readonly logger: Logger;
  readonly audit: AuditLog;
  readonly tell: (line: string) => void;
  readonly onDecision: (decision: Decision) => void;
  readonly signal: AbortSignal;
}

/** Whether this site takes a job. Waits for its code to be approved; one that is refused stays refused. */
export async function isTaken(offered: Offered, deps: AdmissionDeps): Promise<boolean> {
  let said: Decision['answer'] | undefined;
  for (;;) {
    const decision = await decideNow(offered, deps);
    if (decision.answer !== said) await say(offered.offer, decision, deps);
    said = decision.answer;
    if (said !== 'waiting for approval') return said === 'accepted';
    await sleep(APPROVAL_MS, undefined, { signal: deps.signal });
  }
}

/** While the site's rules cannot be read no job begins here, and none is refused for it. */
async function decideNow(offered: Offered, { rules }: AdmissionDeps): Promise<Decision> {
  const read = await rules().catch((thrown: unknown) => toNeuroflareError(thrown));
  if (read instanceof NeuroflareError) return { answer: 'waiting for approval', reason: read.report() };
  return decide(offered, read);
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
