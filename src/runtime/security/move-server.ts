import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { findAuthority, openAuthority, updateProject, withProject } from './authority/authority.ts';
import { kitFiles } from './kit/layout.ts';
import { startupFiles } from './kit/startup-files.ts';
import { replaceStartup } from './kit/write.ts';

/** Gives a project's server another port, in all kits at hand: their files are signed anew, keys and certificates stay. */
export async function moveServer({
  workspace,
  project: name,
  port,
  kits,
}: {
  workspace: string;
  project: string;
  port: number;
  /** Folders by participant. */
  kits: ReadonlyMap<string, string>;
}): Promise<void> {
  const folder = await findAuthority(workspace, name);
  await withProject(folder, async () => {
    const before = await openAuthority(folder);
    const participants = before.project.participants.map((participant) =>
      participant.type === 'server'
        ? { ...participant, fed_learn_port: port, listening_port: port }
        : participant,
    );
    const authority = await updateProject(before, { ...before.project, participants });
    for (const participant of participants) {
      const kit = kits.get(participant.name);
      if (kit === undefined) continue;
      const certificate = await readFile(join(kit, kitFiles(participant.type).certificate), 'utf8');
      const startup = startupFiles(authority, { participant, certificate, now: new Date() });
      await replaceStartup(kit, participant.type, startup);
    }
  });
}
