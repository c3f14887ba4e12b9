import { flError } from '../../../base/errors/errors.ts';
import { didYouMean } from '../../../base/text/nearest.ts';
import type { ServerStore } from '../../store/server-store.ts';
import type { Studies } from '../policy/studies.ts';

/**
 * Whether a job may name these sites: each is one of the job's study, or where the study has all of them one that was here before. A name
 * with a slip would have the job wait for ever. Only sites of the study are suggested. @throws NF_SITE_UNKNOWN
 */
export async function requireKnownSites(
  { store, studies }: { store: Pick<ServerStore, 'sites'>; studies: Pick<Studies, 'get'> },
  { study, clients = [] }: { study: string; clients?: readonly string[] | undefined },
): Promise<void> {
  if (clients.length === 0) return;
  const known = studies.get(study).sites ?? (await store.sites()).map(({ name }) => name);
  const stranger = clients.find((site) => !known.includes(site));
  if (stranger !== undefined)
    throw flError('NF_SITE_UNKNOWN', { site: stranger, nearest: didYouMean(stranger, known) });
}
