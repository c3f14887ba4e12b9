import { flError } from '../runtime/base/errors/errors.ts';
import { didYouMean } from '../runtime/base/text/nearest.ts';
import type { Admin } from '../runtime/deployment/admin/admin.ts';

/**
 * Those of the sites that are named, in the order of the sites; without a name, and for `server` and nvflare's `client` alone, all of them.
 * @throws NF_SITE_UNKNOWN
 */
export function namedOf<Site extends { readonly name: string }>(
  sites: readonly Site[],
  names: readonly string[],
): Site[] {
  const known = sites.map(({ name }) => name);
  const [first] = names;
  const isAll = names.length === 1 && (first === 'server' || first === 'client') && !known.includes(first);
  if (names.length === 0 || isAll) return [...sites];
  for (const name of names)
    if (!known.includes(name))
      throw flError('NF_SITE_UNKNOWN', { site: name, nearest: didYouMean(name, known) });
  return sites.filter(({ name }) => names.includes(name));
}

/** Whom `shutdown` and `restart` are meant for: nvflare's `client` alone is every connected site, unless a site is called that. */
export async function targetsOf(
  admin: Pick<Admin, 'status'>,
  targets: readonly string[],
): Promise<readonly string[]> {
  if (targets.length !== 1 || targets[0] !== 'client') return targets;
  const { sites } = await admin.status();
  if (sites.some(({ name }) => name === 'client')) return targets;
  return sites.filter(({ connected }) => connected).map(({ name }) => name);
}
