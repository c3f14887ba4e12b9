import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { RUN } from '../neuroflare.ts';
import { runProgram } from './run-program.ts';

/** neuroflare's federation on one machine, driven by its command line. */
export class OurPoc {
  readonly #env: NodeJS.ProcessEnv;
  readonly #folder: string;
  readonly kits: string;

  constructor(folder: string) {
    this.#folder = folder;
    const workspace = join(folder, 'poc');
    this.kits = join(workspace, 'poc/prod_00');
    this.#env = {
      ...process.env,
      NEUROFLARE_POC_WORKSPACE: workspace,
      NEUROFLARE_CONFIG: join(folder, 'config.json'),
    };
  }

  prepare = (clients: number) => this.run(`poc prepare -n ${clients} --force`);
  start = () => this.run('poc start --engine cpu');
  stop = () => this.run('poc stop');

  /** Also a job that starts from a file outside its folder. */
  async submit(job: string): Promise<string> {
    return (JSON.parse(await this.run(`job submit ${job} --force --json`)) as { data: { job_id: string } })
      .data.job_id;
  }

  async wait(id: string): Promise<number> {
    return (JSON.parse(await this.run(`job wait ${id} --json`)) as { data: { seconds: number } }).data
      .seconds;
  }

  pidOf(name: string): number {
    const path = join(this.#folder, 'poc/processes.json');
    const processes = JSON.parse(readFileSync(path, 'utf8')) as Record<string, string>;
    return Number(processes[name]?.split(' ')[0]);
  }

  /** Ends with what it wrote to stdout; a command that fails throws. */
  run(line: string): Promise<string> {
    return runProgram(process.execPath, [RUN, ...line.split(' ')], { env: this.#env, cwd: this.#folder });
  }
}

/** Runs something and tells the seconds. */
export async function timed<Result>(
  work: () => Promise<Result>,
): Promise<{ result: Result; seconds: number }> {
  const began = performance.now();
  const result = await work();
  return { result, seconds: (performance.now() - began) / 1000 };
}
