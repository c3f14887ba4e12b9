import { join } from 'node:path';
import { flError } from '../../base/errors/errors.ts';
import { readUserConfig, userConfigPath } from '../../base/files/config-file.ts';
import { didYouMean } from '../../base/text/nearest.ts';
import { readSitePolicy } from '../../security/kit/local-files.ts';
import { removeKit, useKit } from '../../security/kit-registry.ts';
import { usersOfJobs } from '../../security/policy/job-walls.ts';
import { jobFoldersIn } from '../../site/executor/job-folders.ts';
import { killLeftover } from '../../site/executor/process-executor.ts';
import { type PocFolder, pocKits, readCard } from './poc-folder.ts';
import { cleanFolder } from './prepare.ts';
import { endProcesses, runningProcesses } from './processes.ts';

/** Ends processes of a federation for certain, and whatever scripts they had started. Returns who was ended. */
export async function stopPoc(
  folder: PocFolder,
  { services, exclude }: { services: readonly string[]; exclude: readonly string[] },
): Promise<string[]> {
  await readCard(folder);
  const kits = await pocKits(folder);
  const known = [...kits.keys()];
  for (const name of [...services, ...exclude])
    if (!kits.has(name)) throw flError('NF_POC_UNKNOWN', { name, nearest: didYouMean(name, known) });
  const running = Object.keys(await runningProcesses(folder));
  const chosen = (services.length > 0 ? services : running).filter((name) => !exclude.includes(name));
  const ended = await endProcesses(folder, chosen);
  await Promise.all(chosen.map((name) => endJobProcesses(kits.get(name) ?? '')));
  return ended;
}

/** Stops everything, removes the folder, and gives back the kit that was in use before. */
export async function cleanPoc(folder: PocFolder): Promise<{ removed: string; active: string | undefined }> {
  const card = await readCard(folder);
  await stopPoc(folder, { services: [], exclude: [] });
  const config = userConfigPath();
  const { kits, active } = await readUserConfig(config);
  for (const id of card.config_ids) if (Object.hasOwn(kits, id)) await removeKit(config, id);
  const before = card.active_before;
  const isFree = active === undefined || card.config_ids.includes(active);
  if (isFree && before !== undefined && Object.hasOwn(kits, before)) await useKit(config, before);
  await cleanFolder(folder);
  return { removed: folder.root, active: (await readUserConfig(config)).active };
}

/** Scripts of a client that was killed before it could end them. */
async function endJobProcesses(kit: string): Promise<void> {
  const jobs = join(kit, 'work', 'jobs');
  // A policy that cannot be read names no other user.
  const users = usersOfJobs(await readSitePolicy(kit).catch(() => ({ run_as: 'client' as const })));
  for (const id of await jobFoldersIn(jobs))
    await killLeftover({ process: join(jobs, id, 'process') }, users);
}
