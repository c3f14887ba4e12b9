import { flError } from '../../../base/errors/errors.ts';
import { didYouMean } from '../../../base/text/nearest.ts';
import type { Study } from '../../../network/messages/admin.ts';
import type { Identity } from '../../../security/certificate/identity.ts';
import { type Authorization, isAllowed, type Right } from '../../../security/policy/authorization.ts';
import { ADMIN_ROLES } from '../../../security/project/schema.ts';
import type { JobRecord } from '../../store/server-store.ts';
import type { Studies } from './studies.ts';

/** Who may do what: the rules of local/authorization.yml, with the role somebody has in the study it is about. */
export class Access {
  readonly #rules: Authorization;
  readonly #studies: Studies;

  constructor(rules: Authorization, studies: Studies) {
    this.#rules = rules;
    this.#studies = studies;
  }

  /** @throws NF_ACCESS_DENIED */
  require(user: Identity, right: Right, where: { siteOrg?: string } = {}): void {
    if (!this.may(user, right, where)) throw denied(user, right);
  }

  may(user: Identity, right: Right, { siteOrg }: { siteOrg?: string } = {}): boolean {
    return isAllowed(this.#rules, user, { right, ...(siteOrg !== undefined && { siteOrg }) });
  }

  /** A study somebody is in: to others it is as if it were not there. @throws NF_STUDY_UNKNOWN */
  study(user: Identity, name: string): Study {
    const study = this.#studies.find(name);
    if (study && inStudy(user, study)) return study;
    const seen = this.#studies.names().filter((one) => this.maySeeStudy(user, one));
    throw flError('NF_STUDY_UNKNOWN', { study: name, nearest: didYouMean(name, seen) });
  }

  /** A right over a study: to submit to it, or to see that it is there. @throws NF_STUDY_UNKNOWN, NF_ACCESS_DENIED */
  requireInStudy(user: Identity, right: Right, study: string): void {
    const actor = inStudy(user, this.study(user, study));
    if (!actor || !isAllowed(this.#rules, actor, { right })) throw denied(user, right);
  }

  /** A right that somebody has in one study at least. @throws NF_ACCESS_DENIED */
  requireSomewhere(user: Identity, right: Right): void {
    const roles = this.#studies.list().map((study) => inStudy(user, study));
    const has = [user.role === 'project_admin' ? user : undefined, ...roles].some(
      (actor) => actor !== undefined && isAllowed(this.#rules, actor, { right }),
    );
    if (!has) throw denied(user, right);
  }

  /** @throws NF_ACCESS_DENIED */
  requireForJob(user: Identity, right: Right, job: OfStudy): void {
    if (!this.mayWithJob(user, right, job)) throw denied(user, right);
  }

  mayWithJob(user: Identity, right: Right, job: OfStudy): boolean {
    const actor = inStudy(user, this.#studies.ofJob(job));
    return actor !== undefined && isAllowed(this.#rules, actor, { right, submitter: job.submitter });
  }

  maySeeStudy(user: Identity, study: string): boolean {
    return this.roleIn(user, study) !== undefined;
  }

  /** The role somebody has in a study; undefined for who is not in it. */
  roleIn(user: Identity, study: string): Identity['role'] {
    return inStudy(user, this.#studies.find(study))?.role;
  }
}

type OfStudy = Pick<JobRecord, 'study' | 'studyId' | 'submitter'>;

/** With the role of the study; undefined for somebody who is not in it. The project's admins are everywhere. */
function inStudy(user: Identity, study: Study | undefined): Identity | undefined {
  if (user.role === 'project_admin') return user;
  if (!study) return undefined;
  const given = Object.hasOwn(study.users, user.name) ? study.users[user.name] : undefined;
  if (given === undefined) return study.open ? user : undefined;
  const role = ADMIN_ROLES.find((known) => known === given);
  return role && { ...user, role };
}

function denied({ name, role, type }: Identity, right: Right) {
  return flError('NF_ACCESS_DENIED', { name, role: role ?? type, right });
}
