import type { Right } from '../../../security/policy/authorization.ts';

/** Who may take a route: enforced from here (`app/route-access.ts`), and told in docs/rights.md. */
export interface RouteRight {
  /** Whose certificate: anybody's of the project, a site's, an admin's. */
  readonly who: 'participant' | 'site' | 'admin';
  /** What local/authorization.yml must give, by role; without it every admin, or the owner of a study alone, may. */
  readonly right?: Right;
  /** What it is about; a site's is always its own session and its own tasks. */
  readonly over?: 'job' | 'study' | 'site' | 'project';
  /** Project admins alone, whatever the file says. */
  readonly isOwner?: true;
  /** Beyond the roles. */
  readonly note?: string;
  /** Commands that use it. */
  readonly commands?: readonly string[];
}

const PARTICIPANT: RouteRight = { who: 'participant' };
const SITE: RouteRight = { who: 'site' };
const job = (right: Right, ...commands: string[]): RouteRight => ({
  who: 'admin',
  right,
  over: 'job',
  commands,
});
const steer = (...commands: string[]): RouteRight => ({
  who: 'admin',
  right: 'operate',
  over: 'site',
  commands,
});
const owner = (...commands: string[]): RouteRight => ({
  who: 'admin',
  isOwner: true,
  over: 'study',
  commands,
});
const OWN_SITES = 'org_admins who are in the study bring their own sites';

/** Every route of the server. */
export const ROUTE_RIGHTS: Readonly<Record<string, RouteRight>> = {
  'GET /healthz': PARTICIPANT,
  'GET /metrics': { ...PARTICIPANT, note: 'figures of sites: the own, or those one may operate' },
  'GET /openapi.json': PARTICIPANT,

  'POST /v1/site/session': SITE,
  'DELETE /v1/site/session': SITE,
  'POST /v1/site/poll': SITE,
  'GET /v1/site/audit-head': SITE,
  'POST /v1/site/jobs/:job/decision': SITE,
  'GET /v1/site/revoked': SITE,
  'GET /v1/site/jobs/:job/signature': SITE,
  'GET /v1/site/jobs/:job/bundle': SITE,
  'GET /v1/site/jobs/:job/files/:sha256': SITE,
  'GET /v1/site/jobs/:job/uploads/:sha256': SITE,
  'PATCH /v1/site/jobs/:job/uploads/:sha256': SITE,
  'GET /v1/site/jobs/:job/resumable': SITE,
  'POST /v1/site/jobs/:job/reports': SITE,
  'POST /v1/site/jobs/:job/logs': SITE,
  'POST /v1/site/jobs/:job/results': SITE,
  'POST /v1/site/jobs/:job/failures': SITE,

  'POST /v1/jobs': {
    who: 'admin',
    right: 'submit_job',
    over: 'study',
    note: 'byoc, too, if the code is not a template’s; clone_job over the job that is cloned',
    commands: ['job submit', 'job clone'],
  },
  'GET /v1/jobs': { who: 'admin', note: 'lists the jobs one may view', commands: ['job list'] },
  'GET /v1/jobs/:job': job('view', 'job meta', 'job wait'),
  'GET /v1/jobs/:job/events': job('view', 'job monitor'),
  'GET /v1/jobs/:job/logs': job('view', 'job logs'),
  'GET /v1/jobs/:job/stats': job('view', 'job stats'),
  'GET /v1/jobs/:job/files': job('download_job', 'job download'),
  'GET /v1/jobs/:job/files/*': job('download_job', 'job download'),
  'GET /v1/jobs/:job/bundle': job('clone_job', 'job clone', 'job resume'),
  'GET /v1/jobs/:job/signature': job('clone_job', 'job clone', 'job resume'),
  'POST /v1/jobs/:job/log-level': job('manage_job', 'job log-config'),
  'POST /v1/jobs/:job/abort': job('manage_job', 'job abort'),
  'POST /v1/jobs/:job/resume': {
    ...job('manage_job', 'job resume'),
    note: 'submit_job, too, and byoc if the code is not a template’s; the command asks for the bundle (clone_job)',
  },
  'DELETE /v1/jobs/:job': job('manage_job', 'job delete'),
  'GET /v1/jobs/uploads/:sha256': {
    who: 'admin',
    right: 'submit_job',
    over: 'project',
    commands: ['job submit'],
  },
  'PATCH /v1/jobs/uploads/:sha256': {
    who: 'admin',
    right: 'submit_job',
    over: 'project',
    commands: ['job submit'],
  },

  'GET /v1/system/status': {
    who: 'admin',
    right: 'view',
    over: 'project',
    note: 'addresses of sites one may operate, jobs one may view',
    commands: ['system status', 'system resources', 'system version'],
  },
  'POST /v1/system/shutdown': steer('system shutdown'),
  'POST /v1/system/restart': steer('system restart'),
  'POST /v1/system/log-level': steer('system log-config'),
  'POST /v1/system/enable-client': steer('system enable-client'),
  'POST /v1/system/disable-client': steer('system disable-client'),

  'GET /v1/studies': {
    who: 'admin',
    right: 'view',
    over: 'project',
    note: 'lists the studies one is in',
    commands: ['study list'],
  },
  'GET /v1/studies/:study': {
    who: 'admin',
    over: 'study',
    note: 'those who are in it',
    commands: ['study show'],
  },
  'POST /v1/studies': owner('study register'),
  'DELETE /v1/studies/:study': owner('study remove'),
  'POST /v1/studies/:study/open': owner('study open', 'study close'),
  'POST /v1/studies/:study/add-user': owner('study add-user'),
  'POST /v1/studies/:study/remove-user': owner('study remove-user'),
  'POST /v1/studies/:study/add-sites': { ...owner('study add-site'), note: OWN_SITES },
  'POST /v1/studies/:study/remove-sites': {
    ...owner('study remove-site'),
    note: `${OWN_SITES}, and take them out of any`,
  },
};

/** `METHOD path`, without `/` at the end. */
export function routeKey(method: string, path: string): string {
  return `${method} ${path.replace(/(.)\/$/, '$1')}`;
}
