import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { sha256 } from '../../src/runtime/base/digest.ts';
import { type RunningCli, runJson, startCli } from './cli.ts';
import { until } from './live-federation.ts';

/** A federation of a hub and two sites that lies in a folder, as an earlier version has left it. */
export class RecordedFederation {
  readonly #root: string;
  readonly #running: RunningCli[] = [];

  constructor(root: string) {
    this.#root = root;
  }

  kit(name: string): string {
    return join(this.#root, 'federation/brain/prod_00', name);
  }

  /** Something that the project's admin asks the server. */
  ask(args: readonly string[]) {
    return runJson([...args, '--kit', this.kit('ann@example.org')], { cwd: this.#root });
  }

  /** Its server and its sites; settles when the server answers. */
  async start(sites: readonly string[] = ['site-1', 'site-2']): Promise<void> {
    this.#run(['server', 'start', this.kit('hub')]);
    for (const site of sites) this.#run(['client', 'start', this.kit(site), '--engine', 'cpu']);
    await until(async () => (await this.ask(['system', 'status'])).code === 0);
  }

  get jobs(): string[] {
    return readdirSync(join(this.kit('hub'), 'state/jobs'));
  }

  /** What a job ended as. */
  wait(job: string) {
    return this.ask(['job', 'wait', job, '--timeout', '120']);
  }

  /** SHA-256 of a job's final model, as it is downloaded. */
  async model(job: string): Promise<string> {
    const folder = join(this.#root, 'downloaded', job);
    await this.ask(['job', 'download', job, '--output-dir', folder]);
    return sha256(readFileSync(join(folder, 'model.safetensors')));
  }

  async kill(): Promise<void> {
    for (const { child } of this.#running) child.kill('SIGKILL');
    await Promise.all(this.#running.map(({ done }) => done));
  }

  #run(args: readonly string[]): void {
    this.#running.push(startCli(args, { cwd: this.#root }));
  }
}
