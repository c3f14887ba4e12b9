import { toNeuroflareError } from '../base/errors/errors.ts';
import { userConfigPath } from '../base/files/config-file.ts';
import { openAdmin } from '../deployment/admin/admin.ts';
import { openKit } from '../security/kit/open.ts';
import { findKit } from '../security/kit-registry.ts';
import type { Source } from './source.ts';
import { ServerSource } from './sources/server.ts';
import { SiteSource } from './sources/site.ts';
import { WorkspaceSource } from './sources/workspace.ts';

export interface WantedSources {
  readonly workspaces: readonly string[];
  /** Ids or folders of admin kits. */
  readonly kits: readonly string[];
  /** Folders of the kits of sites. */
  readonly sites: readonly string[];
  /** Work folder of the client, where it is not in its kit. */
  readonly work?: string | undefined;
  /** Shown where nothing is named, beside the kit in use. */
  readonly usualWorkspace: string;
  readonly proxy?: string | undefined;
  readonly signal: AbortSignal;
}

/** The sources somebody named; where none is, the usual workspace and, if there is one, the kit in use. @throws NF_KIT_*, NF_CONFIG_* */
export async function openSources(wanted: WantedSources): Promise<Source[]> {
  const { workspaces, kits, sites, work, usualWorkspace, signal } = wanted;
  const isNothingNamed = workspaces.length + kits.length + sites.length === 0;
  const sources: Source[] = [];
  const nextId = (kind: string) => `${kind}-${sources.length + 1}`;
  try {
    for (const workspace of isNothingNamed ? [usualWorkspace] : workspaces)
      sources.push(new WorkspaceSource(nextId('workspace'), workspace));
    for (const kit of isNothingNamed ? await kitInUse() : kits)
      sources.push(new ServerSource(nextId('server'), await openAdmin({ kit, proxy: wanted.proxy, signal })));
    for (const dir of sites) sources.push(new SiteSource(nextId('site'), await openKit(dir, 'client'), work));
    return sources;
  } catch (error) {
    await Promise.all(sources.map((source) => source.close()));
    throw error;
  }
}

/** None where no kit was ever added; one that is faulty is told. */
async function kitInUse(): Promise<readonly string[]> {
  const named = process.env.NEUROFLARE_KIT || undefined;
  try {
    const { path, id } = await findKit(userConfigPath(), named);
    return [id ?? path];
  } catch (thrown) {
    if (toNeuroflareError(thrown).code === 'NF_CONFIG_NONE') return [];
    throw thrown;
  }
}
