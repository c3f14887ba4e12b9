import { Flags } from '@oclif/core';
import { z } from 'zod';
import { BaseCommand } from '../command.ts';
import { renderTable } from '../output/table.ts';
import { issuedSchema } from '../runtime/security/summary.ts';

const resultSchema = z.object({
  project: z.string(),
  folder: z.string().optional().describe('new prod_NN'),
  kits: z.array(issuedSchema),
  root_fingerprint: z.string().optional(),
  root_expires: z.iso.datetime().optional(),
  approval: z.string().optional().describe('of --renew: what the site puts in with `package`'),
  notes: z.array(z.string()),
});
type Result = z.output<typeof resultSchema>;

export default class Provision extends BaseCommand<Result> {
  static override summary = 'make startup kits for a server, its clients and admins';
  static override description =
    'Makes a certificate authority and signed kits in WORKSPACE/<project>/prod_NN; a prod_NN that is there is never touched. ' +
    'To keep private keys at the sites use `cert init`, `cert request`, `cert approve` and `package` instead.';
  static override examples = [
    '<%= config.bin %> provision --generate',
    '<%= config.bin %> provision --project-file project.yml --workspace kits',
    '<%= config.bin %> provision --workspace kits --add-client site-4 --org hospital_d',
    '<%= config.bin %> provision --workspace kits --add-user ann@example.org --org university --role lead',
    '<%= config.bin %> provision --workspace kits --renew site-1',
  ];
  static override flags = {
    'project-file': Flags.string({ char: 'p', summary: 'the project (default: project.yml)' }),
    workspace: Flags.string({
      char: 'w',
      default: 'workspace',
      summary: 'folder of the kits and the authority',
    }),
    generate: Flags.boolean({ char: 'g', summary: 'write a sample project.yml and do nothing else' }),
    'add-client': Flags.string({
      summary: 'one more client: a YAML file with name and org, or a name with --org',
      exclusive: ['generate', 'add-user', 'renew'],
    }),
    'add-user': Flags.string({
      summary:
        'one more admin: a YAML file with name, org and role, or an e-mail address with --org and --role',
      exclusive: ['generate', 'renew'],
    }),
    org: Flags.string({ summary: 'organisation of the one who is added' }),
    role: Flags.string({ summary: 'project_admin, org_admin, lead or member' }),
    renew: Flags.string({
      summary: 'a new certificate for this participant, whose key and local files stay',
      exclusive: ['generate'],
    }),
    revoke: Flags.string({
      summary: 'let nobody in any more with a certificate of this participant',
      exclusive: ['generate', 'renew', 'add-client', 'add-user'],
    }),
    'list-revoked': Flags.boolean({
      summary: 'date the list of revoked certificates anew, for sites with max_revocations_days',
      exclusive: ['generate', 'renew', 'add-client', 'add-user', 'revoke'],
    }),
    'valid-days': Flags.integer({
      min: 1,
      max: 36_500,
      default: 365,
      summary: 'days the certificates are good for',
    }),
    'root-valid-days': Flags.integer({
      min: 1,
      max: 36_500,
      default: 3650,
      summary: "days a new authority's own certificate is good for",
    }),
  };
  static override resultSchema = resultSchema;

  protected override async execute(): Promise<Result> {
    const { flags } = await this.parse(Provision);
    const { runProvision } = await import('../runtime/security/run-provision.ts');
    return runProvision({
      projectFile: flags['project-file'],
      workspace: flags.workspace,
      generate: flags.generate,
      addClient: flags['add-client'],
      addUser: flags['add-user'],
      org: flags.org,
      role: flags.role,
      renew: flags.renew,
      revoke: flags.revoke,
      listRevoked: flags['list-revoked'],
      days: flags['valid-days'],
      rootDays: flags['root-valid-days'],
      now: new Date(),
    });
  }

  protected override render({ kits, notes, root_fingerprint: root }: Result): string {
    const rows = kits.map(({ name, type, role, org, expires, path }) => {
      return [name, role ?? type, org, expires.slice(0, 10), path ?? ''];
    });
    const table = rows.length > 0 ? [renderTable(['name', 'role', 'org', 'expires', 'kit'], rows)] : [];
    return [...table, ...(root ? [`Fingerprint of the authority: ${root}`] : []), ...notes].join('\n');
  }
}
