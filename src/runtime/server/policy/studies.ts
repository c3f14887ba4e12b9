import { flError } from '../../kernel/errors.ts';
import { didYouMean } from '../../kernel/nearest.ts';
import { compareSites } from '../../kernel/site-order.ts';
import type { ServerStore } from '../../store/server-store.ts';
import type { Study } from '../../wire/admin.ts';

/** The study that is always there: all sites, and everybody with the role in the certificate. */
export const DEFAULT_STUDY = 'default';

/** Which sites and users belong to which study; nvflare's tenancy. */
export class Studies {
  readonly #store: ServerStore;
  #byName: ReadonlyMap<string, Study>;

  constructor(store: ServerStore, known: readonly Study[]) {
    this.#store = store;
    this.#byName = new Map(known.map((study) => [study.name, study]));
  }

  /** @throws NF_STUDY_UNKNOWN */
  get(name: string): Study {
    const study = this.#byName.get(name);
    if (study) return study;
    if (name === DEFAULT_STUDY) return { name, sites: null, users: {}, created: new Date(0).toISOString() };
    throw flError('NF_STUDY_UNKNOWN', { study: name, nearest: didYouMean(name, this.names()) });
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

  hasSite(name: string, site: string): boolean {
    const { sites } = this.#byName.get(name) ?? { sites: null };
    return sites === null || sites.includes(site);
  }

  /** @throws NF_STUDY_EXISTS */
  async register(name: string, sites: readonly string[]): Promise<Study> {
    if (name === DEFAULT_STUDY || this.#byName.has(name)) throw flError('NF_STUDY_EXISTS', { study: name });
    return this.#put({
      name,
      sites: [...sites].sort(compareSites),
      users: {},
      created: new Date().toISOString(),
    });
  }

  async change(
    name: string,
    change: (study: Study) => Pick<Partial<Study>, 'sites' | 'users'>,
  ): Promise<Study> {
    const study = this.get(name);
    if (name === DEFAULT_STUDY) throw flError('NF_STUDY_FIXED', { study: name });
    return this.#put({ ...study, ...change(study) });
  }

  async remove(name: string): Promise<void> {
    this.get(name);
    if (name === DEFAULT_STUDY) throw flError('NF_STUDY_FIXED', { study: name });
    await this.#store.deleteStudy(name);
    this.#byName = new Map([...this.#byName].filter(([key]) => key !== name));
  }

  async #put(study: Study): Promise<Study> {
    await this.#store.putStudy(study);
    this.#byName = new Map(this.#byName).set(study.name, study);
    return study;
  }
}
