import { flError } from '../../../base/errors/errors.ts';
import { didYouMean } from '../../../base/text/nearest.ts';
import type { Identity } from '../../../security/certificate/identity.ts';
import type { OpenKit } from '../../../security/kit/open.ts';
import type { ServerStore } from '../../store/server-store.ts';
import type { Access } from '../policy/access.ts';
import type { SiteRegistry } from '../sites/site-registry.ts';

export interface TargetDeps {
  readonly kit: Pick<OpenKit<'server'>, 'identity'>;
  readonly access: Access;
  readonly registry: SiteRegistry;
  readonly store: Pick<ServerStore, 'sites'>;
}

/**
 * Whom an admin means, with the right over each of them; `all` is every site that is there, and the server last.
 * @throws NF_ACCESS_DENIED, NF_SITE_UNKNOWN, NF_SITE_ABSENT
 */
export async function targetsOf(
  deps: TargetDeps,
  user: Identity,
  given: readonly string[],
): Promise<string[]> {
  const { registry, access, kit } = deps;
  const present = registry.sessions().map(({ site }) => site);
  const names = given.includes('all') ? [...present, 'server'] : [...new Set(given)];
  for (const site of names) {
    if (site === 'server') {
      access.require(user, 'operate', { siteOrg: kit.identity.org });
      continue;
    }
    const own = await requireOperator(deps, user, site);
    if (!present.includes(site)) {
      const nearest = didYouMean(
        site,
        present.filter((one) => own.includes(one)),
      );
      throw flError('NF_SITE_ABSENT', { site, nearest });
    }
  }
  return names;
}

/** The sites somebody may steer, this one among them. @throws NF_SITE_UNKNOWN, NF_ACCESS_DENIED */
export async function requireOperator(
  { store, access }: Pick<TargetDeps, 'store' | 'access'>,
  user: Identity,
  site: string,
): Promise<string[]> {
  const known = await store.sites();
  const own = known
    .filter(({ org }) => access.may(user, 'operate', { siteOrg: org }))
    .map(({ name }) => name);
  const found = known.find(({ name }) => name === site);
  if (!found) throw flError('NF_SITE_UNKNOWN', { site, nearest: didYouMean(site, own) });
  access.require(user, 'operate', { siteOrg: found.org });
  return own;
}
