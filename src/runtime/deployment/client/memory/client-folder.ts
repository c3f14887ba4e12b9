import { join } from 'node:path';

/**
 * What a client keeps:
 *
 *     client.lock       one client a folder
 *     instance.json     tells this client from another one with the same kit, and what was here when it was last looked
 *     privacy.end       where the privacy ledger of the kit (local/privacy.jsonl) was seen to end
 *     filter.secret     what only this site knows, from which filters of its answers draw
 *     approvals.json    code that somebody here has approved
 *     approved-code/    that code as it was then, to hold the next version against
 *     stopped.json      jobs that somebody here has stopped
 *     peers-seen.json   keys of other sites with which this one was in a sum; peers-approved.json: those that somebody here has approved
 *     taken/            the jobs that were accepted, so that none runs twice
 *     crl.pem           who was revoked, as the server passed it on
 *     server-audit.head where the server's audit log ended, as it told last
 *     audit.jsonl       who did what here; approvals-audit.jsonl: who approved what
 *     egress.jsonl      everything that left; egress-open.json: sums that stand in no line yet
 *     log.jsonl         what happened, in files of bounded size
 *     jobs.json         the jobs at hand, for `client jobs list`
 *     jobs/<id>/        a job's files; its log stays when it is over
 */
export interface ClientFolder {
  readonly root: string;
  readonly lock: string;
  readonly instance: string;
  readonly privacyEnd: string;
  readonly secret: string;
  readonly approvals: string;
  readonly approvedCode: string;
  readonly stopped: string;
  readonly peersSeen: string;
  readonly peersApproved: string;
  readonly taken: string;
  readonly revoked: string;
  readonly audit: string;
  readonly approvalAudit: string;
  readonly serverAudit: string;
  readonly egress: string;
  readonly egressOpen: string;
  readonly log: string;
  readonly jobList: string;
  readonly jobs: string;
  /** The site's own models of jobs with tensors that stay at each site. */
  readonly personalModels: string;
  job(id: string): SiteJobFolder;
}

export interface SiteJobFolder {
  readonly root: string;
  readonly bundle: string;
  readonly log: string;
  /** An answer that the server has not acknowledged yet. */
  readonly outbox: string;
  /** How often the task at hand was begun. */
  readonly attempts: string;
  /** Which process runs the job's scripts, so that one that was left behind is ended. */
  readonly process: string;
  /** What tasks are given: models, and what comes beside them. */
  readonly models: string;
  model(sha256: string): string;
  readonly states: string;
  /** What it needs for the sum of a round in secret: its update, until that is in the sum, and the secrets of the session. */
  readonly masked: string;
  /** The site's own model, where the job has tensors that stay at each site; beside the folders of jobs, and never cleared away. */
  readonly personal: string;
  state(sha256: string): string;
  /** A file of the answer that a script has sent, by its name, until the server has it. */
  answer(name: string): string;
  /** A script's own folder, in which it runs, for as long as the job lasts. */
  readonly home: string;
  /** For what a script leaves in a task: its results, and temporary files. Only here and in `home` may it write. */
  readonly work: string;
}

const PERSONAL = 'personal_models';
/** Where a client keeps its things unless it is told otherwise. */
export const WORK_IN_KIT = 'work';

export function clientFolder(root: string): ClientFolder {
  return {
    root,
    lock: join(root, 'client.lock'),
    instance: join(root, 'instance.json'),
    privacyEnd: join(root, 'privacy.end'),
    secret: join(root, 'filter.secret'),
    approvals: join(root, 'approvals.json'),
    approvedCode: join(root, 'approved-code'),
    stopped: join(root, 'stopped.json'),
    peersSeen: join(root, 'peers-seen.json'),
    peersApproved: join(root, 'peers-approved.json'),
    taken: join(root, 'taken'),
    revoked: join(root, 'crl.pem'),
    audit: join(root, 'audit.jsonl'),
    approvalAudit: join(root, 'approvals-audit.jsonl'),
    serverAudit: join(root, 'server-audit.head'),
    egress: join(root, 'egress.jsonl'),
    egressOpen: join(root, 'egress-open.json'),
    log: join(root, 'log.jsonl'),
    jobList: join(root, 'jobs.json'),
    jobs: join(root, 'jobs'),
    personalModels: join(root, PERSONAL),
    job: (id) => ({
      ...siteJobFolder(join(root, 'jobs', id)),
      personal: join(root, PERSONAL, `${id}.safetensors`),
    }),
  };
}

/** What a file of an answer is called, by its name there. */
export function fileOfAnswer(name: string): string {
  return name === 'model' ? 'update.safetensors' : `update.${name}`;
}

function siteJobFolder(root: string): Omit<SiteJobFolder, 'personal'> {
  return {
    root,
    bundle: join(root, 'bundle'),
    log: join(root, 'log.jsonl'),
    outbox: join(root, 'outbox.json'),
    attempts: join(root, 'attempts.json'),
    process: join(root, 'process'),
    models: join(root, 'models'),
    model: (sha256) => join(root, 'models', sha256),
    states: join(root, 'state'),
    masked: join(root, 'masked'),
    state: (sha256) => join(root, 'state', sha256),
    answer: (name) => join(root, fileOfAnswer(name)),
    home: join(root, 'home'),
    work: join(root, 'work'),
  };
}
