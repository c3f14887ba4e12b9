import { randomUUID } from 'node:crypto';
import { flError } from '../../../base/errors/errors.ts';
import { compareSites } from '../../../base/site-order.ts';
import type { Study } from '../../../network/messages/admin.ts';
import type { JobRecord, ServerStore } from '../../store/server-store.ts';

/** The study that is always there: all sites, and everybody with the role in the certificate. */
export const DEFAULT_STUDY = 'default';

const EVERYTHING: Study = {
  name: DEFAULT_STUDY,
  id: DEFAULT_STUDY,
  open: true,
  sites: null,
  users: {},
  created: new Date(0).toISOString(),
};

/** Which sites and users belong to which study; nvflare's tenancy. */
export class Studies {
  readonly #store: ServerStore;
  #byName: ReadonlyMap<string, Study>;
  #last: Promise<unknown> = Promise.resolve();

  constructor(store: ServerStore, known: readonly Study[]) {
    this.#store = store;
    this.#byName = new Map(known.map((study) => [study.name, study]));
  }

  /** Undefined for one that was removed: its jobs are there still. */
  find(name: string): Study | undefined {
    return this.#byName.get(name) ?? (name === DEFAULT_STUDY ? EVERYTHING : undefined);
  }

  /** The study a job was submitted to: another one of the same name has no part in it. */
  ofJob({ study: name, studyId }: Pick<JobRecord, 'study' | 'studyId'>): Study | undefined {
    const study = this.find(name);
    return study?.id === studyId ? study : undefined;
  }

  /** @throws NF_STUDY_UNKNOWN */
  get(name: string): Study {
    const study = this.find(name);
    if (study) return study;
    throw flError('NF_STUDY_UNKNOWN', { study: name, nearest: '' });
  }

  list(): Study[] {
    return this.names().map((name) => this.get(name));
  }

  names(): string[] {
    return [
      DEFAULT_STUDY,
      ...[...this.#byName.keys()].filter((name) => name !== DEFAULT_STUDY).sort(compareSites),
    ];
  }

  /** Studies that are nobody's: their jobs and sites are out of reach until a project admin says whose they are. */
  orphans(): string[] {
    return this.list()
      .filter(({ open, users }) => !open && Object.keys(users).length === 0)
      .map(({ name }) => name);
  }

  hasSite(job: Pick<JobRecord, 'study' | 'studyId'>, site: string): boolean {
    const study = this.ofJob(job);
    return study !== undefined && (study.sites === null || study.sites.includes(site));
  }

  /** @throws NF_STUDY_EXISTS */
  register(
    name: string,
    { sites = [], open = false }: { sites?: readonly string[]; open?: boolean },
  ): Promise<Study> {
    return this.#inTurn(() => {
      if (this.find(name)) throw flError('NF_STUDY_EXISTS', { study: name });
      const created = new Date().toISOString();
      return this.#put({
        name,
        id: randomUUID(),
        open,
        sites: [...sites].sort(compareSites),
        users: {},
        created,
      });
    });
  }

  /** @throws NF_STUDY_UNKNOWN, NF_STUDY_FIXED */
  change(
    name: string,
    change: (study: Study) => Pick<Partial<Study>, 'sites' | 'users' | 'open'>,
  ): Promise<Study> {
    return this.#inTurn(() => {
      const study = this.#ofUsers(name);
      return this.#put({ ...study, ...change(study) });
    });
  }

  /** Its jobs stay. @throws NF_STUDY_UNKNOWN, NF_STUDY_FIXED */
  remove(name: string): Promise<void> {
    return this.#inTurn(async () => {
      this.#ofUsers(name);
      await this.#store.deleteStudy(name);
      this.#byName = new Map([...this.#byName].filter(([key]) => key !== name));
    });
  }

  #ofUsers(name: string): Study {
    const study = this.get(name);
    if (name === DEFAULT_STUDY) throw flError('NF_STUDY_FIXED', { study: name });
    return study;
  }

  async #put(study: Study): Promise<Study> {
    await this.#store.putStudy(study);
    this.#byName = new Map(this.#byName).set(study.name, study);
    return study;
  }

  /** One change after another: each sees what the one before it made. */
  #inTurn<Result>(work: () => Promise<Result>): Promise<Result> {
    const done = this.#last.then(work);
    this.#last = done.catch(() => undefined);
    return done;
  }
}
