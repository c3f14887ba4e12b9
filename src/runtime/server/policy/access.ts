import { flError } from '../../kernel/errors.ts';
import type { Identity } from '../../security/certificate/identity.ts';
import { type Authorization, isAllowed, type Right } from '../../security/policy/authorization.ts';
import { ADMIN_ROLES } from '../../security/project/schema.ts';
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
  require(user: Identity, right: Right, { siteOrg }: { siteOrg?: string } = {}): void {
    if (!isAllowed(this.#rules, user, { right, ...(siteOrg !== undefined && { siteOrg }) }))
      throw denied(user, right);
  }

  /** A right over a study: to submit to it, or to see that it is there. @throws NF_STUDY_UNKNOWN, NF_ACCESS_DENIED */
  requireInStudy(user: Identity, right: Right, study: string): void {
    this.#studies.get(study);
    const actor = this.#inStudy(user, study);
    if (!actor || !isAllowed(this.#rules, actor, { right })) throw denied(user, right);
  }

  /** @throws NF_ACCESS_DENIED */
  requireForJob(user: Identity, right: Right, job: Pick<JobRecord, 'study' | 'submitter'>): void {
    if (!this.mayWithJob(user, right, job)) throw denied(user, right);
  }

  mayWithJob(
    user: Identity,
    right: Right,
    { study, submitter }: Pick<JobRecord, 'study' | 'submitter'>,
  ): boolean {
    const actor = this.#inStudy(user, study);
    return actor !== undefined && isAllowed(this.#rules, actor, { right, submitter });
  }

  maySeeStudy(user: Identity, study: string): boolean {
    return this.#inStudy(user, study) !== undefined;
  }

  /** With the role of the study; undefined for somebody who is not in it. The project's admins are everywhere. */
  #inStudy(user: Identity, name: string): Identity | undefined {
    if (user.role === 'project_admin') return user;
    const users = this.#studies.find(name)?.users;
    if (!users || Object.keys(users).length === 0) return users && user;
    const role = ADMIN_ROLES.find((known) => known === users[user.name]);
    return role && { ...user, role };
  }
}

function denied({ name, role, type }: Identity, right: Right) {
  return flError('NF_ACCESS_DENIED', { name, role: role ?? type, right });
}
