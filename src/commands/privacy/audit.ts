import { availableParallelism } from 'node:os';
import { Args, Flags } from '@oclif/core';
import { z } from 'zod';
import { BaseCommand } from '../../command.ts';
import { engineFlag, mirrorFlag, modelFlags, slicesFlag } from '../../output/flags.ts';
import { renderPrivacyAudit } from '../../output/privacy-audit-text.ts';
import { privacyAuditSchema } from '../../runtime/evaluation/privacy-audit/result.ts';

const resultSchema = z.object({ file: z.string(), audit: privacyAuditSchema });
type Result = z.output<typeof resultSchema>;

export default class PrivacyAuditCommand extends BaseCommand<Result> {
  static override summary = 'attack a run: what its model tells of who it was trained on';
  static override description =
    'What a private job promises, whether its steps keep to it (canaries go through them; nothing is trained), a lower bound of epsilon from one run, and how well those who were trained on are told from others by their losses. An attack that fails proves nothing. ' +
    'The result is written into the run, and `report` shows it.';
  static override examples = [
    '<%= config.bin %> <%= command.id %> private --workspace work',
    '<%= config.bin %> <%= command.id %> work/glioma/latest --reference work/glioma-fold-2/latest --reference work/glioma-fold-3/latest',
  ];
  static override args = { run: Args.string({ required: true, description: 'run' }) };
  static override flags = {
    workspace: modelFlags.workspace,
    model: modelFlags.model,
    reference: Flags.string({
      multiple: true,
      multipleNonGreedy: true,
      default: [],
      summary: 'run on another split of the same data, by whose losses those of the model are judged',
    }),
    canaries: Flags.integer({
      min: 1000,
      max: 1_000_000,
      default: 20_000,
      summary: 'numbers that go through the steps of a private job',
    }),
    seed: Flags.integer({ min: 0, default: 0, summary: 'seed of the canaries' }),
    slices: slicesFlag,
    mirror: mirrorFlag,
    ...engineFlag,
  };
  static override resultSchema = resultSchema;

  protected override async execute(): Promise<Result> {
    const { args, flags } = await this.parse(PrivacyAuditCommand);
    const { auditRun } = await import('../../runtime/evaluation/privacy-audit/audit-run.ts');
    return auditRun({
      target: args.run,
      workspace: flags.workspace,
      which: flags.model,
      references: flags.reference,
      canaries: flags.canaries,
      seed: flags.seed,
      slices: flags.slices,
      mirror: flags.mirror,
      engine: { choice: flags.engine, gpu: flags.gpu, threads: availableParallelism() },
      progress: this.progress(),
      signal: this.signal,
    });
  }

  protected override render(result: Result): string {
    return renderPrivacyAudit(result);
  }
}
