import { Flags } from '@oclif/core';
import { z } from 'zod';
import { jobArg } from '../../output/remote-args.ts';
import { sizeText } from '../../output/size-text.ts';
import { JobCommand } from '../../remote-command.ts';

/** Where the parts of a result are, by what they are. */
const ARTIFACTS = {
  global_model: 'model.safetensors',
  best_model: 'best_model.safetensors',
  last_model: 'last_model.safetensors',
  metrics_summary: 'metrics.json',
  round_metrics: 'round_metrics.jsonl',
  cross_site_evaluation: 'cross_site_evaluation.json',
  events: 'events.jsonl',
  run_card: 'run.json',
} as const;

/** Of a job that did not ask for it it is not missing. */
const WHERE_ASKED_FOR: ReadonlySet<string> = new Set<keyof typeof ARTIFACTS>(['cross_site_evaluation']);

const resultSchema = z.object({
  job_id: z.string(),
  folder: z.string(),
  bytes: z.int(),
  artifacts: z.record(z.string(), z.string()).describe('paths by what they are'),
  missing_artifacts: z.array(z.string()).describe('what this job did not come to'),
  files: z.array(z.object({ path: z.string(), size: z.int(), sha256: z.string() })),
});
type Result = z.output<typeof resultSchema>;

export default class JobDownload extends JobCommand<Result> {
  static override summary = 'bring the results of a finished job: models, figures, events, logs, code';
  static override description =
    'The folder is like that of a simulation. A download whose line broke goes on where it stopped when the command is repeated: what has come is taken by its SHA-256, all else in the folder that waits (`.partial`) is removed.';
  static override examples = [
    '<%= config.bin %> job download 3f2a91c0',
    '<%= config.bin %> job download 3f2a91c0 --output-dir results/glioma',
  ];
  static override args = { job: jobArg };
  static override flags = {
    'output-dir': Flags.string({ char: 'o', summary: 'folder to make; default: ./<job id>' }),
    force: Flags.boolean({ summary: 'replace the folder if it is there' }),
  };
  static override resultSchema = resultSchema;

  protected override async execute(): Promise<Result> {
    const { args, flags } = await this.parse(JobDownload);
    const { join } = await import('node:path');
    const { downloadJob } = await import('../../runtime/deployment/admin/download-job.ts');
    return this.withAdmin(async (admin) => {
      const { job_id: id } = await admin.job(args.job);
      const { folder, files } = await downloadJob(admin, id, {
        target: flags['output-dir'] ?? id,
        force: flags.force,
        progress: this.progress(),
        signal: this.signal,
      });
      const paths = new Set(files.map(({ path }) => path));
      const known = Object.entries(ARTIFACTS);
      return {
        job_id: id,
        folder,
        bytes: files.reduce((sum, { size }) => sum + size, 0),
        artifacts: Object.fromEntries(
          known.filter(([, path]) => paths.has(path)).map(([name, path]) => [name, join(folder, path)]),
        ),
        missing_artifacts: known
          .filter(([name, path]) => !paths.has(path) && !WHERE_ASKED_FOR.has(name))
          .map(([name]) => name),
        files: [...files],
      };
    });
  }

  protected override render({ folder, artifacts, bytes }: Result): string {
    const lines = Object.entries(artifacts).map(([name, path]) => `${name.padEnd(16)}${path}`);
    return [`${sizeText(bytes)} in ${folder}`, ...lines].join('\n');
  }
}
