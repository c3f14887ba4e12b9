import { Args, Flags } from '@oclif/core';
import { z } from 'zod';
import { BaseCommand } from '../../command.ts';
import { shellWord } from '../../runtime/base/text/shell-word.ts';

const resultSchema = z.object({
  folder: z.string(),
  request: z.string().describe('the one file to send'),
  key: z.string().describe('stays where it is'),
  fingerprint: z.string().describe('SHA-256 of the public key'),
});
type Result = z.output<typeof resultSchema>;

export default class CertRequest extends BaseCommand<Result> {
  static override summary = 'make a private key that stays here, and a request to send to the coordinator';
  static override examples = [
    '<%= config.bin %> cert request site-1 --type client --org hospital_a',
    '<%= config.bin %> cert request ann@example.org --type admin --org university --role lead',
  ];
  static override args = { name: Args.string({ required: true, description: 'name in the project file' }) };
  static override flags = {
    type: Flags.option({
      options: ['server', 'client', 'admin'] as const,
      required: true,
      summary: 'what the participant is',
    })(),
    org: Flags.string({ required: true, summary: 'organisation, as in the project file' }),
    role: Flags.option({
      options: ['project_admin', 'org_admin', 'lead', 'member'] as const,
      summary: 'of an admin',
    })(),
    out: Flags.string({ char: 'o', summary: 'folder to make (default: NAME-request)' }),
  };
  static override resultSchema = resultSchema;

  protected override async execute(): Promise<Result> {
    const { args, flags } = await this.parse(CertRequest);
    const { makeRequest } = await import('../../runtime/security/approval/request.ts');
    const { type, org, role, out = `${args.name}-request` } = flags;
    return makeRequest({ name: args.name, type, org, role, out });
  }

  protected override render({ folder, request, key, fingerprint }: Result): string {
    return [
      `Send ${request} to the coordinator; ${key} stays here.`,
      `Fingerprint of the key, to be told by another way: ${fingerprint}`,
      `Then: neuroflare package APPROVAL --request ${shellWord(folder)}`,
    ].join('\n');
  }
}
