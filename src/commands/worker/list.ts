import { z } from 'zod';
import { BaseCommand } from '../../command.ts';
import { queueFlag } from '../../output/flags.ts';
import { renderTable } from '../../output/table.ts';
import { workerLineSchema } from '../../runtime/deployment/queue/list-workers.ts';

const resultSchema = z.array(workerLineSchema);
type Result = z.output<typeof resultSchema>;

export default class WorkerList extends BaseCommand<Result> {
  static override summary = 'list the workers at a queue, and what they do';
  static override examples = ['<%= config.bin %> <%= command.id %> --queue redis://head:6379'];
  static override flags = { queue: queueFlag };
  static override resultSchema = resultSchema;

  protected override async execute(): Promise<Result> {
    const { flags } = await this.parse(WorkerList);
    const { listWorkers } = await import('../../runtime/deployment/queue/list-workers.ts');
    return listWorkers(flags.queue);
  }

  protected override render(workers: Result): string {
    if (workers.length === 0) return 'No workers.';
    const rows = workers.map(({ name, processor, threads, gpu, run, active, done, refused }) => [
      name,
      processor,
      String(threads),
      gpu ?? '-',
      run ?? '-',
      String(active),
      String(done),
      refused.join('; '),
    ]);
    return renderTable(['worker', 'processor', 'threads', 'GPU', 'run', 'at hand', 'done', 'cannot'], rows);
  }
}
