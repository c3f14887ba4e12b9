import { availableParallelism } from 'node:os';
import { Flags } from '@oclif/core';
import { z } from 'zod';
import { BaseCommand } from '../../command.ts';
import { queueFlag } from '../../output/flags.ts';
import { counted } from '../../runtime/base/text/counted.ts';

const resultSchema = z.object({
  worker: z.string().describe('HOST-PID'),
  done: z.int().describe('tasks done'),
});
type Result = z.output<typeof resultSchema>;

export default class WorkerStart extends BaseCommand<Result> {
  static override summary = 'run sites of simulations that others started with --backend queue';
  static override description =
    'Waits at a queue for runs and trains their sites, as the same user and with the workspace and the data at the same absolute paths as where they were ' +
    'started. Works for one run at a time. May be started, stopped and killed at any time: what it had at hand begins again elsewhere.';
  static override examples = [
    '<%= config.bin %> <%= command.id %> --queue redis://head:6379',
    '<%= config.bin %> <%= command.id %> --queue redis://head:6379 --threads 8 --gpu 0 --idle-exit 300',
  ];
  static override flags = {
    queue: queueFlag,
    threads: Flags.integer({
      char: 't',
      min: 1,
      max: 1024,
      summary: 'tasks at the same time; default: one a core',
    }),
    gpu: Flags.string({ summary: 'GPU to use, e.g. 0' }),
    'require-gpu': Flags.boolean({ summary: 'take part in no run whose engine finds no GPU' }),
    run: Flags.string({ summary: 'JOB/RUN_ID: work for this run alone' }),
    'idle-exit': Flags.integer({ min: 1, summary: 'end after so many seconds without a task' }),
  };
  static override resultSchema = resultSchema;

  protected override readonly interruptHint = 'What it had at hand begins again at another worker.';

  protected override async execute(): Promise<Result> {
    const { flags } = await this.parse(WorkerStart);
    const { serveQueue } = await import('../../runtime/deployment/queue/serve-queue.ts');
    return serveQueue({
      queue: flags.queue,
      threads: flags.threads ?? availableParallelism(),
      gpu: flags.gpu,
      requireGpu: flags['require-gpu'],
      run: flags.run,
      idleExit: flags['idle-exit'],
      tell: (line) => this.noteWithTime(line),
      signal: this.signal,
    });
  }

  protected override render({ worker, done }: Result): string {
    return `Worker ${worker} has done ${counted(done, 'task')}.`;
  }
}
