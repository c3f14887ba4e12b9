import { cp, readdir, readFile, stat, writeFile } from 'node:fs/promises';
import { basename, join, relative } from 'node:path';
import { flError } from '../../base/errors/errors.ts';
import { FOLDER_NAME } from '../../base/text/folder-name.ts';
import { JOB_FILE } from '../../job/bundle.ts';
import { jobYaml } from '../../job/job-yaml.ts';
import { JOB_LIMITS } from '../../job/limits.ts';
import { makeJobFolder } from '../../job/new-folder.ts';
import { makeFirstModel } from './first-model.ts';
import { type MappedClient, mapClient } from './map-client.ts';
import { mapServer } from './map-server.ts';
import { liesIn, ownPath, unusable } from './own-files.ts';
import { readNvflareJob } from './read-folder.ts';
import { Findings, refusalTable } from './refusals.ts';

export interface ImportedJob {
  readonly name: string;
  readonly folder: string;
  readonly workflow: string;
  /** What is another here, for people. */
  readonly notes: readonly string[];
}

const CODE = 'custom';

/**
 * Makes a job folder of one that `python job.py --export` wrote: its scripts as they are, its workflow as that of the same name here, and its
 * first model. Whatever has no counterpart is refused, all of it at once.
 * @param isSentOn what is made is sent before anybody looks at it: no file from outside the folder becomes its model
 * @throws NF_IMPORT_FOLDER, NF_IMPORT_UNKNOWN, NF_IMPORT_MODEL, NF_JOB_EXISTS
 */
export async function importNvflareJob(
  from: string,
  to: string,
  { isSentOn = false } = {},
): Promise<ImportedJob> {
  const job = await readNvflareJob(from);
  const findings = new Findings();
  const server = mapServer(job, findings);
  const clients = job.clients.map(({ config, sites, app }) => {
    const place = sites.length > 0 ? sites.join(', ') : 'all sites';
    return { sites, app, mapped: mapClient(config, place, findings) };
  });
  const [first] = clients;
  if (!server.model && findings.refusals.length === 0)
    findings.refuse('the first model', 'server', 'no component says what the model is (a persistor)');
  for (const { mapped, sites } of clients) requireAlike(first?.mapped, mapped, { sites, findings });
  if (!first?.mapped || !server.model || findings.refusals.length > 0)
    throw flError('NF_IMPORT_UNKNOWN', { table: refusalTable(findings.refusals) }, { place: { file: from } });
  for (const key of job.otherMeta) findings.notes.push(`meta.json: ${key} is not used here`);
  const { model, workflow } = server;
  const { mapped } = first;
  const apps = [...new Set([job.serverApp, ...clients.map(({ app }) => app)])];
  await makeJobFolder(to, async (draft) => {
    for (const app of apps)
      await copyCode(await ownPath(from, `${relative(from, app)}/${CODE}`), join(draft, CODE));
    if ('file' in model && !(await liesIn(from, model.file))) {
      if (isSentOn) throw outside(model.file, from);
      findings.notes.push(
        `the first model is read from ${model.file}, which lies outside the folder of the job`,
      );
    }
    const made = await makeFirstModel(model, { draft, folders: [join(draft, CODE)] });
    const sites = clients.flatMap((client) =>
      client.sites.map((site) => [site, { script_args: [...(client.mapped?.args ?? [])] }] as const),
    );
    const areAlike = clients.every((client) => String(client.mapped?.args) === String(mapped.args));
    const definition = {
      version: 1,
      name: FOLDER_NAME.test(job.name) ? job.name : basename(to),
      workflow: { ...workflow },
      executor: {
        type: 'python',
        train_script: `${CODE}/${mapped.script}`,
        ...mapped.keys,
        ...(mapped.args.length > 0 && { script_args: [...mapped.args] }),
        ...(Object.keys(made.dtypes).length > 0 && { dtypes: made.dtypes }),
      },
      model: made.model,
      ...(!areAlike && { sites: Object.fromEntries(sites) }),
    };
    await writeFile(join(draft, JOB_FILE), jobYaml(definition));
  });
  return { name: job.name, folder: to, workflow: String(workflow.type), notes: findings.notes };
}

function outside(file: string, from: string) {
  return unusable(
    `its first model is ${file}, which lies outside its folder; look at what 'job import' makes of it, and submit that`,
    from,
  );
}

/** Sites may have arguments of their own, and nothing else. */
function requireAlike(
  first: MappedClient | undefined,
  own: MappedClient | undefined,
  { sites, findings }: { sites: readonly string[]; findings: Findings },
): void {
  if (!first || !own) return;
  if (first.script !== own.script || JSON.stringify(first.keys) !== JSON.stringify(own.keys))
    findings.refuse(
      'ClientAPIExecutor',
      sites.join(', '),
      'its script, or how it is run, is another than at the first site',
    );
}

/** @throws NF_IMPORT_FOLDER where two apps have another file of one name */
async function copyCode(from: string, to: string): Promise<void> {
  if (!(await stat(from).catch(() => undefined))) return;
  const files = (await readdir(from, { recursive: true, withFileTypes: true })).filter((entry) =>
    entry.isFile(),
  );
  let size = 0;
  if (files.length > JOB_LIMITS.files.most)
    throw unusable(`it has more than ${JOB_LIMITS.files.most} files of code`, from);
  for (const entry of files) {
    const path = join(entry.parentPath, entry.name);
    size += (await stat(path)).size;
    if (size > JOB_LIMITS.bytes.most)
      throw unusable(`its code has more than ${JOB_LIMITS.bytes.most} bytes`, path);
    const target = join(to, path.slice(from.length + 1));
    if (path.includes('__pycache__')) continue;
    const before = await readFile(target).catch(() => undefined);
    if (before && !before.equals(await readFile(path))) {
      const reason = `${path.slice(from.length + 1)} is another file in two of its apps, and a job here has one code for all sites`;
      throw flError('NF_IMPORT_FOLDER', { reason }, { place: { file: path } });
    }
    await cp(path, target);
  }
}
