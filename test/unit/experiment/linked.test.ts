import { mkdir, readdir, symlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { openExperiment } from '../../../src/runtime/experiment/open-experiment.ts';
import { tempFolder } from '../../support/temp-folder.ts';

const root = tempFolder();

it.each(['experiments', 'experiments/exp', 'experiments/exp/splits'])(
  'an experiment writes nothing through a link in its workspace: %s',
  async (path) => {
    const at = join(root, path.replaceAll('/', '-'));
    const [workspace, elsewhere] = [join(at, 'workspace'), join(at, 'elsewhere')];
    await mkdir(elsewhere, { recursive: true });
    await mkdir(join(workspace, path, '..'), { recursive: true });
    await symlink(elsewhere, join(workspace, path));
    const experiment = join(at, 'exp.yaml');
    await writeFile(experiment, 'version: 1\nname: exp\njob: job\n');
    await expect(openExperiment({ experiment, workspace, engine: 'auto' })).rejects.toMatchObject({
      code: 'NF_PATH_LINK',
    });
    expect(await readdir(elsewhere)).toEqual([]);
  },
);
