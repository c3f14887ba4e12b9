import { Args, Flags } from '@oclif/core';
import { z } from 'zod';
import { BaseCommand } from '../../command.ts';

const resultSchema = z.object({
  sha256: z.string(),
  signed: z.boolean(),
  signer: z
    .object({ name: z.string(), org: z.string(), type: z.string(), role: z.string().nullable() })
    .nullable()
    .describe('null: nobody, or not checked for want of --root'),
});
type Result = z.output<typeof resultSchema>;

export default class RunsVerify extends BaseCommand<Result> {
  static override summary = 'check a published run record: nothing in it changed, and who stands by it';
  static override description =
    'Takes the run_record.json that `report` wrote. With --root, the rootCA.pem of a project, a signature must be of one of its members.';
  static override examples = [
    '<%= config.bin %> <%= command.id %> published/run_record.json',
    '<%= config.bin %> <%= command.id %> published/run_record.json --root rootCA.pem',
  ];
  static override args = { record: Args.string({ required: true, description: 'run_record.json' }) };
  static override flags = {
    root: Flags.string({
      summary: "certificate of the project's authority, startup/rootCA.pem of every kit",
    }),
  };
  static override resultSchema = resultSchema;

  protected override async execute(): Promise<Result> {
    const { args, flags } = await this.parse(RunsVerify);
    const { readInputText } = await import('../../runtime/base/files/read-file.ts');
    const { checkRunRecord } = await import('../../runtime/evaluation/report/run-record.ts');
    const rootPem = flags.root === undefined ? undefined : await readInputText(flags.root);
    const { sha256, signer, isSigned } = await checkRunRecord(args.record, rootPem);
    return { sha256, signed: isSigned, signer: signer ? { ...signer, role: signer.role ?? null } : null };
  }

  protected override render({ sha256, signed, signer }: Result): string {
    const who = signer
      ? `signed by ${signer.name} (${signer.role ?? signer.type}, ${signer.org})`
      : signed
        ? 'signed; give --root to see by whom'
        : 'not signed';
    return `whole, ${who}\nsha256  ${sha256}`;
  }
}
