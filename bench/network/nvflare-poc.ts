import { existsSync, globSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { runProgram } from './run-program.ts';

/** nvflare's own federation on one machine, driven by its command line; `python` is that of a venv with nvflare 2.9.0. */
export class NvflarePoc {
  readonly #bin: string;
  readonly #env: NodeJS.ProcessEnv;
  readonly #folder: string;

  constructor(python: string, folder: string) {
    this.#bin = dirname(python);
    this.#folder = folder;
    const home = join(folder, 'home');
    mkdirSync(home, { recursive: true });
    this.#env = {
      ...process.env,
      HOME: home,
      NVFLARE_POC_WORKSPACE: join(folder, 'workspace'),
      PATH: `${this.#bin}:${process.env.PATH ?? ''}`,
    };
  }

  /** Exports the hello job with `rounds`, beginning with the .npy file if one is given. */
  async makeJob(name: string, { rounds, model }: { rounds: number; model?: string }): Promise<string> {
    const script = join(this.#folder, `${name}.py`);
    const client = join(import.meta.dirname, '../nvflare-hello/client.py');
    writeFileSync(
      script,
      `from nvflare.app_common.np.recipes.fedavg import NumpyFedAvgRecipe
NumpyFedAvgRecipe(name="${name}", min_clients=2, num_rounds=${rounds}, model=[[1.0, 2.0]], train_script="${client}").export("${this.#folder}/jobs")
`,
    );
    await this.run('python', [script]);
    const job = join(this.#folder, 'jobs', name);
    if (model !== undefined) {
      const path = join(job, 'app/config/config_fed_server.json');
      const config = JSON.parse(readFileSync(path, 'utf8')) as { components: { id: string; args: object }[] };
      for (const component of config.components)
        if (component.id === 'persistor') component.args = { source_ckpt_file_full_name: model };
      writeFileSync(path, JSON.stringify(config));
    }
    return job;
  }

  prepare = () => this.run('nvflare', ['poc', 'prepare', '-n', '2', '--force']);
  start = () => this.run('nvflare', ['poc', 'start']);

  stop = () => this.run('nvflare', ['poc', 'stop']);

  /** Its processes end some seconds after the command; until then none can be started again. */
  async gone(): Promise<void> {
    const pids = globSync(join(this.#folder, 'workspace/**/daemon_pid.fl'));
    for (let tries = 0; tries < 100 && pids.some((path) => existsSync(path)); tries++) await sleep(200);
    for (const path of pids) rmSync(path, { force: true });
  }

  async submit(job: string): Promise<string> {
    const { data } = await this.json(['job', 'submit', '-j', job]);
    return (data as { job_id: string }).job_id;
  }

  /** Seconds the job ran, as nvflare says. */
  async wait(id: string): Promise<number> {
    for (;;) {
      const { data } = await this.json(['job', 'meta', id]);
      const { status, duration } = data as { status: string; duration: string };
      if (status.startsWith('FINISHED')) {
        if (!status.includes('COMPLETED')) throw new Error(`nvflare's job ended as ${status}`);
        return secondsOf(duration);
      }
      await sleep(200);
    }
  }

  async json(words: readonly string[]): Promise<{ data: unknown }> {
    return JSON.parse(await this.run('nvflare', [...words, '--format', 'json'])) as { data: unknown };
  }

  run(program: string, words: readonly string[]): Promise<string> {
    return runProgram(join(this.#bin, program), words, { env: this.#env, cwd: this.#folder });
  }
}

/** `0:00:16.700000` */
function secondsOf(text: string): number {
  const [hours = 0, minutes = 0, seconds = 0] = text.split(':').map(Number);
  return hours * 3600 + minutes * 60 + seconds;
}
