import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { NeuroflareError } from '../../base/errors/errors.ts';
import { ownPath, readOwnJson, unusable } from './own-files.ts';

/** What `python job.py --export` writes: meta.json, and for server and sites an app with configurations and code. */

const part = z.looseObject({ path: z.string(), args: z.record(z.string(), z.json()).default({}) });
const named = part.extend({ id: z.string().default('') });
const filters = z.array(z.looseObject({ filters: z.array(part).default([]) })).default([]);

const config = z.looseObject({
  format_version: z.literal(2),
  task_data_filters: filters,
  task_result_filters: filters,
  components: z.array(named).default([]),
});
const serverSchema = config.extend({ workflows: z.array(named).min(1) });
const clientSchema = config.extend({
  executors: z.array(z.looseObject({ tasks: z.array(z.string()), executor: part })).min(1),
});
const metaSchema = z.looseObject({
  name: z.string(),
  min_clients: z.int().min(1).optional(),
  mandatory_clients: z.array(z.string()).default([]),
  deploy_map: z.record(
    z.string(),
    z.array(z.union([z.string(), z.looseObject({ sites: z.array(z.string()) })])),
  ),
});

export type Part = z.output<typeof part>;
export type Named = z.output<typeof named>;
export type ServerConfig = z.output<typeof serverSchema>;
export type ClientConfig = z.output<typeof clientSchema>;

export interface NvflareJob {
  readonly folder: string;
  readonly name: string;
  readonly minClients: number | undefined;
  readonly mandatory: readonly string[];
  /** Keys of meta.json beside those. */
  readonly otherMeta: readonly string[];
  readonly server: ServerConfig;
  /** Folder of the server's app. */
  readonly serverApp: string;
  readonly clients: readonly {
    /** Empty: all there are. */
    readonly sites: readonly string[];
    readonly app: string;
    readonly config: ClientConfig;
  }[];
}

export const META_FILE = 'meta.json';
const SERVER = 'server';
const ALL = '@ALL';

/** Whether a folder holds a job of nvflare and none of neuroflare. */
export async function isNvflareFolder(folder: string): Promise<boolean> {
  const has = (name: string) =>
    stat(join(folder, name)).then(
      (found) => found.isFile(),
      () => false,
    );
  return (await has(META_FILE)) && !(await has('job.yaml'));
}

/** @throws NF_IMPORT_FOLDER */
export async function readNvflareJob(folder: string): Promise<NvflareJob> {
  const meta = await read(folder, META_FILE, metaSchema);
  const { name, min_clients: minClients, mandatory_clients: mandatory, deploy_map: map, ...others } = meta;
  const apps = Object.entries(map).map(([app, targets]) => ({
    name: app,
    app: join(folder, app),
    sites: targets.flatMap((target) => (typeof target === 'string' ? [target] : target.sites)),
  }));
  const isOf = (sites: readonly string[], site: string) =>
    sites.includes(site) || sites.includes(ALL) || sites.length === 0;
  const ofServer = apps.filter(({ sites }) => isOf(sites, SERVER));
  const [first, second] = ofServer;
  if (!first || second)
    throw unusable('its deploy_map names no one app for the server', join(folder, META_FILE));
  const server = await read(folder, `${first.name}/config/config_fed_server.json`, serverSchema);
  const clients = [];
  for (const { name: appName, app, sites } of apps) {
    const own = sites.filter((site) => site !== SERVER && site !== ALL);
    if (own.length === 0 && !isOf(sites, '')) continue;
    clients.push({
      app,
      sites: own,
      config: await read(folder, `${appName}/config/config_fed_client.json`, clientSchema),
    });
  }
  if (clients.length === 0) throw unusable('its deploy_map names no sites', join(folder, META_FILE));
  return {
    folder,
    name,
    minClients,
    mandatory,
    otherMeta: Object.keys(others),
    server,
    serverApp: first.app,
    clients,
  };
}

async function read<Schema extends z.ZodType>(
  folder: string,
  path: string,
  schema: Schema,
): Promise<z.output<Schema>> {
  const file = await ownPath(folder, path);
  const content = await readOwnJson(folder, path).catch(async (thrown: unknown) => {
    if (thrown instanceof NeuroflareError) throw thrown;
    const hocon = file.replace(/\.json$/, '.conf');
    const isHocon = await stat(hocon).catch(() => undefined);
    throw isHocon
      ? unusable('its configuration is HOCON (.conf); export the job, which writes JSON', hocon)
      : unusable('a file is missing', file);
  });
  const { success, data, error } = schema.safeParse(content);
  if (success) return data;
  const [issue] = error.issues;
  throw unusable(`${issue?.path.join('.') || 'the file'}: ${issue?.message}`, file);
}
