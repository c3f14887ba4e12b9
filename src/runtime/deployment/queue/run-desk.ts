import { readFile } from 'node:fs/promises';
import { z } from 'zod';
import { prettyJson } from '../../base/digest.ts';
import { flError, type NeuroflareError } from '../../base/errors/errors.ts';
import { writeFileAtomic } from '../../base/files/files.ts';
import { packageVersion } from '../../base/files/package-version.ts';
import { RUN_FILES, type RunFolder } from '../../run/run-folder.ts';
import type { EngineSetup } from '../../site/executor/messages.ts';
import type { QueueLink } from './queue-link.ts';
import { Records, type RunRecord, type WorkerRecord } from './records.ts';
import type { RunKey } from './run-key.ts';
import { judgeWorker, reasonsOf, type Terms, type Verdict, workersLine } from './verdict.ts';
import { probePath } from './worker-probe.ts';

export interface RunDeskOptions {
  readonly link: QueueLink;
  readonly key: RunKey;
  readonly folder: RunFolder;
  /** `JOB/RUN_ID`. */
  readonly name: string;
  readonly engine: Pick<EngineSetup, 'choice' | 'threads'>;
  readonly mixedHardware: boolean;
  readonly tell: (line: string) => void;
}

/** `queue.json`: a resume goes on with what the run began on. */
const hardwareSchema = z.object({ class: z.string(), mixed_hardware: z.boolean() });

const MOST_STOPPED = 1000;

/** Says that a run is there, and decides which workers take part in it. */
export class RunDesk {
  readonly #options: RunDeskOptions;
  readonly #records: Records;
  readonly #since = new Date().toISOString();
  #verdicts = new Map<string, Verdict>();
  #stopped: string[] = [];
  #terms: Terms;
  #said = '';

  private constructor(options: RunDeskOptions, terms: Terms) {
    this.#options = options;
    this.#records = new Records(options.link);
    this.#terms = terms;
  }

  static async open(options: RunDeskOptions): Promise<RunDesk> {
    const { folder, key } = options;
    const text = await readFile(folder.at(RUN_FILES.queue), 'utf8').catch(() => undefined);
    const before = text === undefined ? undefined : hardwareSchema.parse(JSON.parse(text));
    return new RunDesk(options, {
      run: key.id,
      version: packageVersion(),
      folder: folder.root,
      class: before?.class,
      mixedHardware: options.mixedHardware || before?.mixed_hardware === true,
    });
  }

  /** Workers that may take tasks now. */
  get fit(): number {
    return this.#all().filter((verdict) => verdict === 'fit').length;
  }

  /** Nobody waits for what lies, or runs, at these places of the queue. */
  stop(jobIds: readonly string[]): void {
    this.#stopped = [...this.#stopped, ...jobIds].slice(-MOST_STOPPED);
  }

  /** Why there is no worker for tasks that have waited for so long. */
  missing(seconds: number): NeuroflareError {
    const { shown } = this.#options.link.address;
    const refused = this.#all().filter((verdict) => verdict !== 'fit');
    if (refused.length === 0) return flError('NF_WORKER_NONE', { shown, seconds });
    return flError('NF_WORKER_NONE_FIT', { shown, reasons: reasonsOf(refused) });
  }

  /** One look at who is there, and one word to them. */
  async look(): Promise<void> {
    const workers = await this.#records.workers();
    const verdicts = new Map<string, Verdict>();
    for (const worker of workers) {
      const verdict = await this.#judge(worker);
      if (verdict !== undefined) verdicts.set(worker.id, verdict);
    }
    this.#verdicts = verdicts;
    await this.#say(false);
    const line = workersLine(this.#all(), this.#terms.mixedHardware ? undefined : this.#terms.class);
    if (line !== this.#said && verdicts.size > 0) this.#options.tell(line);
    this.#said = line;
  }

  /** The run is over, or stops here. */
  async end(): Promise<void> {
    await this.#say(true);
  }

  async #judge(worker: WorkerRecord): Promise<Verdict | undefined> {
    const { folder, key } = this.#options;
    const before = this.#verdicts.get(worker.id);
    // What it has written once it has not to write again.
    const sees =
      before === 'fit' || (await readFile(probePath(folder, worker.id), 'utf8').catch(() => '')) === key.id;
    const verdict = judgeWorker(worker, this.#terms, sees);
    const asked = worker.asks[this.#terms.run];
    if (verdict === 'fit' && this.#terms.class === undefined && asked && 'class' in asked)
      await this.#settle(asked.class);
    return verdict;
  }

  /** The first worker that fits decides what the run computes on. */
  async #settle(hardware: string): Promise<void> {
    this.#terms = { ...this.#terms, class: hardware };
    const { mixedHardware } = this.#terms;
    await writeFileAtomic(
      this.#options.folder.at(RUN_FILES.queue),
      prettyJson({ class: hardware, mixed_hardware: mixedHardware }),
    );
  }

  #all(): Verdict[] {
    return [...this.#verdicts.values()];
  }

  async #say(ended: boolean): Promise<void> {
    const { key, folder, name, engine } = this.#options;
    const record: RunRecord = {
      id: key.id,
      name,
      version: this.#terms.version,
      engine: { choice: engine.choice, threads: engine.threads ?? 1 },
      since: this.#since,
      verdicts: Object.fromEntries(this.#verdicts),
      stopped: this.#stopped,
      ended,
    };
    await this.#records.putRun(record, folder.root, key);
  }
}
