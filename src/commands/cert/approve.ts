import { Args, Flags } from '@oclif/core';
import { z } from 'zod';
import { BaseCommand } from '../../command.ts';
import { issuedSchema, issuedSummary } from '../../runtime/security/summary.ts';

const resultSchema = z.object({
  project: z.string(),
  approved: issuedSchema,
  approval: z.string().describe('the file to send back'),
  root_fingerprint: z.string(),
});
type Result = z.output<typeof resultSchema>;

export default class CertApprove extends BaseCommand<Result> {
  static override summary = 'certify a request, for exactly what the project says of its name';
  static override examples = [
    '<%= config.bin %> cert approve site-1-request/request.json --workspace kits --fingerprint 9c:02:…',
  ];
  static override args = {
    request: Args.string({ required: true, description: 'request.json of a participant' }),
  };
  static override flags = {
    workspace: Flags.string({ char: 'w', default: 'workspace', summary: 'folder of the authority' }),
    'project-file': Flags.string({
      char: 'p',
      summary: 'a newer project file (default: the project the authority was made with)',
    }),
    fingerprint: Flags.string({
      summary: 'SHA-256 of the key, told by another way than the request came on',
    }),
    'valid-days': Flags.integer({
      min: 1,
      max: 36_500,
      default: 365,
      summary: 'days the certificate is good for',
    }),
  };
  static override resultSchema = resultSchema;

  protected override async execute(): Promise<Result> {
    const { args, flags } = await this.parse(CertApprove);
    const { approveRequest } = await import('../../runtime/security/provision.ts');
    const { readProject } = await import('../../runtime/security/project/read-project.ts');
    const file = flags['project-file'];
    const days = flags['valid-days'];
    const { authority, issued, approval } = await approveRequest(args.request, {
      workspace: flags.workspace,
      project: file === undefined ? undefined : await readProject(file),
      fingerprint: flags.fingerprint,
      days,
      now: new Date(),
    });
    return {
      project: authority.project.name,
      approved: issuedSummary(issued),
      approval,
      root_fingerprint: authority.rootFingerprint,
    };
  }

  protected override render({ approved, approval, root_fingerprint: root }: Result): string {
    const { name, type, role, org, expires } = approved;
    return [
      `Approved ${name} of ${org} as ${role ?? type}, good until ${expires.slice(0, 10)}.`,
      `Send back ${approval}`,
      `Fingerprint of the authority, to be told by another way: ${root}`,
    ].join('\n');
  }
}
