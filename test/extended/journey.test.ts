import { existsSync, readFileSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { type RunningCli, runCli, runJson, startCli } from '../support/cli.ts';
import { freePort } from '../support/live-federation.ts';
import { tempFolder } from '../support/temp-folder.ts';

const images = join(
  process.env.NEUROFLARE_TEST_DATA ?? join(import.meta.dirname, '../../../shared/data'),
  'kaggle-brain-tumor-sample/Training',
);
const SITES = ['site-1', 'site-2', 'site-3'];
const KITS = 'kits/brain/prod_00';

/** From a hospital's images to a downloaded model: the way people go, with processes dying on it. */
describe.skipIf(!existsSync(images))('the journey on real images', () => {
  const cwd = tempFolder();
  const env = { NEUROFLARE_CONFIG: join(cwd, 'config.json') };
  const running = new Map<string, RunningCli>();

  const run = async (line: string) => {
    const { code, stdout, stderr } = await runCli(line.split(' '), { cwd, env });
    expect([line, code, stderr]).toEqual([line, 0, expect.not.stringContaining('Error:')]);
    return stdout;
  };
  const start = (name: string) => {
    const words =
      name === 'hub'
        ? ['server', 'start', `${KITS}/hub`]
        : ['client', 'start', `${KITS}/${name}`, '--data', `site-data/${name}`];
    running.set(name, startCli(words, { cwd, env }));
  };
  const kill = async (name: string) => {
    running.get(name)?.child.kill('SIGKILL');
    await running.get(name)?.done;
  };

  afterAll(async () => {
    for (const { child } of running.values()) child.kill('SIGTERM');
    await Promise.all([...running.values()].map(({ done }) => done));
  });

  it('simulated at first', async () => {
    await run(`preprocess bids ${images} bids --head-mask --size 128 -q`);
    await run('preprocess split bids --sites 3 --strategy dirichlet --alpha 0.5 --out split.json');
    await run('preprocess split bids --split split.json --materialize site-data');
    await run(
      'job create jobs/glioma --template mri-fedavg --set num_rounds=3 --set local_epochs=1 --set data=bids --set split=split.json',
    );
    await run('job validate jobs/glioma');
    await run('simulate jobs/glioma --workspace work --threads 2 -q');
  });

  it('passes its checks before it starts', async () => {
    await writeFile(join(cwd, 'project.yml'), projectText(await freePort()));
    await run('provision --project-file project.yml --workspace kits');
    for (const site of SITES) {
      const policy = join(cwd, KITS, site, 'local/site-policy.yml');
      const text = await readFile(policy, 'utf8');
      await writeFile(policy, text.replace('allowed_templates: []', 'allowed_templates: [mri-fedavg]'));
    }
    await run(`config add lead ${KITS}/lead@example.org`);
    await run('config use lead');
    expect(await run(`preflight-check ${KITS}/hub`)).toContain('PASSED');
    start('hub');
    await running.get('hub')?.sees('listens on');
    for (const site of SITES) {
      start(site);
      await running.get(site)?.sees('is connected');
      expect(await run(`preflight-check ${KITS}/${site} --data site-data/${site}`)).toContain('PASSED');
    }
  });

  it('loses a server and a client on the way, and ends in the bytes that simulate made', async () => {
    const submitted = await runJson(['job', 'submit', 'jobs/glioma'], { cwd, env });
    const { job_id: id } = submitted.answer.data as { job_id: string };
    const watching = startCli(['job', 'monitor', id], { cwd, env });
    await watching.sees('round 1 of 3 opened');
    await kill('hub');
    start('hub');
    await watching.sees('round 1 of 3 closed');
    await kill('site-2');
    start('site-2');
    expect(await watching.done).toMatchObject({
      code: 0,
      stdout: expect.stringContaining('FINISHED:COMPLETED'),
    });
    await run(`job download ${id} --output-dir downloaded`);
    const model = (folder: string) => readFileSync(join(cwd, folder, 'model.safetensors'));
    expect(model('downloaded').equals(model('work/glioma/latest'))).toBe(true);
  });

  it('leaves whole logs, and a record of what left each site', async () => {
    for (const name of ['hub', ...SITES])
      expect(await run(`audit verify ${KITS}/${name}`)).not.toContain('changed');
    for (const site of SITES) expect(await run(`client egress ${KITS}/${site}`)).toContain('update');
  });
});

function projectText(port: number): string {
  const sites = SITES.map((name) => `  - { name: ${name}, type: client, org: hospital }\n`).join('');
  return `api_version: 3
name: brain
participants:
  - { name: hub, type: server, org: university, default_host: localhost, fed_learn_port: ${port} }
${sites}  - { name: lead@example.org, type: admin, org: university, role: lead }
`;
}
