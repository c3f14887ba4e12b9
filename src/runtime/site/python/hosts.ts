import { rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { flError } from '../../base/errors/errors.ts';
import { makeFolder, putFile } from '../../base/files/files.ts';
import { identifyProcess } from '../../base/processes/process-identity.ts';
import { jobWalls, type WallPolicy } from '../../security/policy/job-walls.ts';
import type { JobFolders } from '../executor/job-folders.ts';
import type { EngineSetup, TaskOrder } from '../executor/messages.ts';
import { openToUser } from '../executor/open-to-user.ts';
import { ENVIRONMENT } from '../executor/process-executor.ts';
import { ownInterpreter } from './interpreter.ts';
import type { PythonPlace } from './process.ts';

/** Where the processes of scripts are: looked at before each task. */
export type PythonHost = (order: TaskOrder) => Promise<PythonPlace>;

/** On the machine of who simulates: the scripts are their own, and have their environment. */
export function simulatedHost(engine: EngineSetup): PythonHost {
  return async ({ home = '.' }) => {
    const temporary = join(home, 'tmp');
    await makeFolder(temporary);
    const kept = Object.entries(process.env).filter(([name]) => !/^PYTHON(?!PATH$)/.test(name));
    return {
      interpreter: ownInterpreter(),
      words: [],
      spawnAs: undefined,
      owner: undefined,
      throughShell: false,
      home,
      env: { ...Object.fromEntries(kept), TMPDIR: temporary, ...ofEngine(engine) },
      started: async () => undefined,
      ended: async () => undefined,
    };
  };
}

export interface SiteHostOptions {
  readonly folder: JobFolders;
  readonly engine: EngineSetup;
  /** The site's data, if it has any. */
  readonly data: string | undefined;
  /** Ranks of the job's script. */
  readonly processes: number;
  readonly policy: WallPolicy & { readonly python?: { readonly interpreter: string } | undefined };
}

/**
 * At a site: the interpreter is the site's choice alone, the walls are those of its policy. What closes sockets to scripts in JavaScript does
 * not hold Python: where the policy gives scripts no network, a namespace must.
 */
export function siteHost({ folder, engine, data, processes, policy }: SiteHostOptions): PythonHost {
  const { python, network } = policy;
  const strict: WallPolicy = { ...policy, network: network === 'open' ? 'open' : 'namespace' };
  return async () => {
    if (processes > 1 && network !== 'open') throw flError('NF_PYTHON_RANKS', { processes });
    const walls = await jobWalls(strict, { work: dirname(folder.root), data });
    const { home } = folder;
    if (walls.user) await openToUser(walls.user, folder);
    const kept = Object.entries(process.env).filter(([name]) => ENVIRONMENT.test(name));
    return {
      ...walls,
      interpreter: python?.interpreter ?? '',
      owner: walls.user,
      home,
      // The folder for what a task leaves is emptied while the process lives.
      env: { ...Object.fromEntries(kept), HOME: home, TMPDIR: home, ...ofEngine(engine) },
      started: async (pid) => putFile(folder.process, await identifyProcess(pid)),
      ended: () => rm(folder.process, { force: true }),
    };
  };
}

/** As many threads as any other engine has at a site, so that sums come out alike wherever a task runs. */
function ofEngine({ gpu, threads = 1 }: EngineSetup): Record<string, string> {
  return {
    OMP_NUM_THREADS: process.env.OMP_NUM_THREADS ?? String(threads),
    ...(gpu !== undefined && { CUDA_VISIBLE_DEVICES: gpu }),
  };
}
