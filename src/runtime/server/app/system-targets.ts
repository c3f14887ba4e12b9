import { flError } from '../../kernel/errors.ts';
import { didYouMean } from '../../kernel/nearest.ts';
import type { Identity } from '../../security/certificate/identity.ts';
import type { ServerContext } from '../context.ts';

/**
 * Whom an admin means, with the right over each of them; `all` is every site that is there, and the server last.
 * @throws NF_ACCESS_DENIED, NF_SITE_UNKNOWN, NF_SITE_ABSENT
 */
export async function targetsOf(
  context: ServerContext,
  user: Identity,
  given: readonly string[],
): Promise<string[]> {
  const { registry, access, kit } = context;
  const present = registry.sessions().map(({ site }) => site);
  const names = given.includes('all') ? [...present, 'server'] : [...new Set(given)];
  for (const site of names) {
    const siteOrg = site === 'server' ? kit.identity.org : await organisationOf(context, site);
    access.require(user, 'operate', { siteOrg });
    if (site !== 'server' && !present.includes(site))
      throw flError('NF_SITE_ABSENT', { site, nearest: didYouMean(site, present) });
  }
  return names;
}

/** @throws NF_SITE_UNKNOWN */
export async function organisationOf({ store }: ServerContext, site: string): Promise<string> {
  const known = await store.sites();
  const found = known.find(({ name }) => name === site);
  if (found) return found.org;
  const names = known.map(({ name }) => name);
  throw flError('NF_SITE_UNKNOWN', { site, nearest: didYouMean(site, names) });
}
