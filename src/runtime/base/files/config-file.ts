import { stat } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import { prettyJson } from '../digest.ts';
import { makeFolder, writeFileAtomic } from './files.ts';
import { lockFolder } from './lock.ts';
import { checkYaml } from './yaml-check.ts';
import { readYaml } from './yaml-source.ts';

/** The user's own settings: which startup kits there are and which one is in use. */
const userConfigSchema = z.strictObject({
  version: z.literal(1),
  active: z.string().optional().describe('id of the kit that commands use'),
  kits: z.record(
    z.string(),
    z.strictObject({
      path: z.string().describe('absolute path of the kit'),
      root_sha256: z.string().describe("fingerprint of the authority's certificate when the kit was added"),
    }),
  ),
});
export type UserConfig = z.output<typeof userConfigSchema>;

/** NEUROFLARE_CONFIG, else neuroflare/config.json in the user's configuration folder. */
export function userConfigPath(env: Readonly<Record<string, string | undefined>> = process.env): string {
  if (env.NEUROFLARE_CONFIG) return env.NEUROFLARE_CONFIG;
  return join(env.XDG_CONFIG_HOME || join(homedir(), '.config'), 'neuroflare', 'config.json');
}

/** Empty if there is no file yet. @throws NF_CONFIG_INVALID with the line */
export async function readUserConfig(path: string): Promise<UserConfig> {
  if (!(await stat(path).catch(() => undefined))) return { version: 1, kits: {} };
  const source = await readYaml(path, 'NF_CONFIG_YAML');
  return checkYaml(userConfigSchema, source, { code: 'NF_CONFIG_INVALID', what: 'the file' });
}

/** Reads, changes and writes the file with nobody in between. */
export async function changeUserConfig(
  path: string,
  change: (config: UserConfig) => UserConfig,
): Promise<void> {
  await makeFolder(dirname(path));
  const release = await lockFolder(`${path}.lock`, 'The list of startup kits');
  try {
    const changed = change(await readUserConfig(path));
    await writeFileAtomic(path, prettyJson(changed), { mode: 0o600 });
  } finally {
    await release();
  }
}
