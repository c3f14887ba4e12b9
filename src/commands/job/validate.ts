import { Args, Flags } from '@oclif/core';
import { z } from 'zod';
import { BaseCommand } from '../../command.ts';
import { setFlag } from '../../output/flags.ts';
import { paramNames } from '../../runtime/base/tensors/nd-array.ts';
import { counted } from '../../runtime/base/text/counted.ts';
import { protectedLines } from '../../runtime/deployment/client/ledger/protection.ts';
import { prepareJob } from '../../runtime/federation/prepare-job.ts';
import { isCrossSite } from '../../runtime/job/cross-site.ts';
import { renewEditorFiles } from '../../runtime/job/editor-files.ts';
import { localNames } from '../../runtime/job/local-tensors.ts';
import { compatibleWith, maskedRound } from '../../runtime/job/secure-rounds.ts';
import { parseOverride } from '../../runtime/job/variables.ts';

const resultSchema = z.object({
  job: z.string(),
  sites: z.array(z.string()),
  rounds: z.int(),
  bundle_sha256: z.string(),
  files: z.array(z.string()),
  parameters: z.int().describe('numbers in the model'),
  local_tensors: z.array(z.string()).describe('arrays that stay at each site'),
  secure_aggregation: z
    .strictObject({
      sites: z.int().describe('that are asked in a round'),
      threshold: z.int().describe('that open a sum together'),
      drop_outs: z.int().describe('that may say no more'),
      colluding: z
        .int()
        .describe('that a server may have on its side and yet learns the sum of the others alone'),
    })
    .nullable(),
  explained: z
    .array(z.strictObject({ key: z.string(), value: z.string(), goes: z.boolean(), why: z.string() }))
    .optional()
    .describe('what of the job goes with secure aggregation'),
  leaves: z
    .array(z.strictObject({ what: z.string(), protected_by: z.string() }))
    .optional()
    .describe('of a private job: what leaves a site, and what protects people in it'),
  warnings: z.array(z.string()),
});
type Result = z.output<typeof resultSchema>;

const FRAMEWORK_NOTE =
  'executor.framework changes nothing and may be left out: every script gets named typed arrays with shapes';

const CROSS_SITE_NOTE =
  'workflow.cross_site_evaluation gives the last model of each site to the other sites: submit the job with --clients, and have each of these sites say cross_site_evaluation: true in its local/site-policy.yml, for it refuses the job otherwise';

export default class JobValidate extends BaseCommand<Result> {
  static override summary = 'check a job: definition, script, data, split, model and counts';
  static override description =
    'Makes every check that `simulate` makes before it starts, and runs nothing. In a folder that came from another machine it tells editors ' +
    'where neuroflare is on this one.';
  static override examples = ['<%= config.bin %> job validate jobs/glioma'];
  static override args = { job: Args.string({ required: true, description: 'job folder' }) };
  static override flags = {
    set: setFlag,
    explain: Flags.boolean({
      description:
        'show what of the job goes with secure aggregation, and what protects people in a private one',
    }),
  };
  static override resultSchema = resultSchema;

  protected override async execute(): Promise<Result> {
    const { args, flags } = await this.parse(JobValidate);
    const { loaded, plan, bundle, params, warnings } = await prepareJob(args.job, {
      overrides: flags.set.map(parseOverride),
    });
    await renewEditorFiles(loaded.folder);
    return {
      job: plan.job.name,
      sites: [...plan.sites],
      rounds: plan.job.workflow.numRounds,
      bundle_sha256: bundle.sha256,
      files: bundle.files.map(({ path }) => path),
      parameters: Object.values(params).reduce((sum, { data }) => sum + data.length, 0),
      local_tensors: localNames(plan.job.workflow, paramNames(params)),
      secure_aggregation: maskedRound(plan) ?? null,
      ...(flags.explain && { explained: [...compatibleWith(plan.job)] }),
      ...(flags.explain && plan.job.privacy && { leaves: protectedLines(plan.job.privacy) }),
      warnings: [
        ...warnings,
        ...(isCrossSite(plan.job.workflow) ? [CROSS_SITE_NOTE] : []),
        ...(loaded.value.executor.framework === undefined || plan.job.executor.type === 'python'
          ? []
          : [FRAMEWORK_NOTE]),
      ],
    };
  }

  protected override render({
    job,
    sites,
    rounds,
    files,
    parameters,
    local_tensors: local,
    secure_aggregation: masked,
    explained = [],
    leaves = [],
    warnings,
  }: Result): string {
    const found = [
      counted(sites.length, 'site'),
      counted(rounds, 'round'),
      counted(files.length, 'file'),
      counted(parameters, 'parameter'),
    ].join(', ');
    return [
      `${job} is valid: ${found}.`,
      ...(local.length > 0
        ? [`At each site stay ${counted(local.length, 'array')}: ${local.join(', ')}.`]
        : []),
      ...(masked ? [maskedText(masked)] : []),
      ...(explained.length > 0 ? ['What goes with secure aggregation:'] : []),
      ...explained.map(({ key, value, goes, why }) => `${goes ? 'yes' : 'no '}  ${key} (${value}): ${why}`),
      ...(leaves.length > 0 ? ['What leaves a site, and what protects people in it:'] : []),
      ...leaves.map(({ what, protected_by: by }) => `  ${what}: ${by}`),
      ...warnings.map((warning) => `warning: ${warning}`),
    ].join('\n');
  }
}

function maskedText({
  sites,
  threshold,
  drop_outs: lost,
  colluding,
}: NonNullable<Result['secure_aggregation']>): string {
  const asked = `Of ${counted(sites, 'site')} of a round ${threshold} open its sum`;
  return `${asked}, ${lost} may drop out, and a server with ${counted(colluding, 'site')} on its side learns the sum of the others alone.`;
}
