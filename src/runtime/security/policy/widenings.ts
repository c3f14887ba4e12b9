import { firstOf } from '../../base/text/first-of.ts';
import { type SitePolicy, SUBMITTER_ROLES, sitePolicySchema } from './site-policy.ts';

/** What is a number, and what more of it allows. */
const AMOUNTS = {
  max_figures_kb: 'more leaves in the figures of a task',
  max_figures: 'more names leave in the figures of a task',
  max_failure_characters: 'more leaves in the message of a failure',
} as const;

/**
 * What a site's policy allows beyond the default, a line for each key. The file is not signed and may have come with the kit, so that whoever
 * starts a client is told.
 */
export function wideningsOf(policy: SitePolicy): string[] {
  const usual = sitePolicySchema.parse({ version: 1 });
  const amounts = (Object.keys(AMOUNTS) as (keyof typeof AMOUNTS)[]).map((key) =>
    line(policy[key] > usual[key], { key, value: policy[key], usual: usual[key], meaning: AMOUNTS[key] }),
  );
  return [
    line(policy.code === 'any', {
      key: 'code',
      value: 'any',
      usual: usual.code,
      meaning: 'the code of every job runs here without asking',
    }),
    line(policy.allowed_code.length > 0, {
      key: 'allowed_code',
      value: firstOf(policy.allowed_code),
      usual: 'none',
      meaning: 'this code runs without asking',
    }),
    line(policy.allowed_templates.length > 0, {
      key: 'allowed_templates',
      value: firstOf(policy.allowed_templates),
      usual: 'none',
      meaning: 'their code runs without asking',
    }),
    rolesLine(policy.submitter_roles),
    line(policy.send_logs, {
      key: 'send_logs',
      value: true,
      usual: usual.send_logs,
      meaning: 'the coordinator may read what scripts print',
    }),
    ...amounts,
    line(policy.figures_text, {
      key: 'figures_text',
      value: true,
      usual: usual.figures_text,
      meaning: 'figures may hold text of a script',
    }),
    budgetLine(policy.privacy, usual.privacy),
    line(policy.cross_site_evaluation, {
      key: 'cross_site_evaluation',
      value: true,
      usual: usual.cross_site_evaluation,
      meaning: "this site's model may go to other sites",
    }),
    line(policy.python !== undefined, {
      key: 'python',
      value: policy.python?.interpreter ?? '',
      usual: 'none',
      meaning: 'scripts in Python run here, which isolate does not hold',
    }),
    line(!policy.isolate, {
      key: 'isolate',
      value: false,
      usual: usual.isolate,
      meaning: 'scripts may do whatever the user of the job process may',
    }),
    line(policy.network === 'open', {
      key: 'network',
      value: 'open',
      usual: usual.network,
      meaning: 'scripts may connect to other machines',
    }),
    userLine(policy.run_as, usual.run_as),
  ].flatMap((one) => one ?? []);
}

function budgetLine(own: SitePolicy['privacy'], usual: SitePolicy['privacy']): string | undefined {
  const shown = ({ epsilon, delta }: SitePolicy['privacy']) => `{ epsilon: ${epsilon}, delta: ${delta} }`;
  return line(own.epsilon > usual.epsilon || own.delta > usual.delta, {
    key: 'privacy',
    value: shown(own),
    usual: shown(usual),
    meaning: 'people here may lose more to all private jobs together',
  });
}

function rolesLine(roles: SitePolicy['submitter_roles'] = []): string | undefined {
  const more = roles.filter((role) => !SUBMITTER_ROLES.includes(role));
  return line(more.length > 0, {
    key: 'submitter_roles',
    value: roles.join(', '),
    usual: SUBMITTER_ROLES.join(', '),
    meaning: `jobs of a ${more.join(' and a ')} run here`,
  });
}

function userLine(user: SitePolicy['run_as'], usual: SitePolicy['run_as']): string | undefined {
  const isNamed = typeof user === 'object';
  return line(user !== 'own', {
    key: 'run_as',
    value: isNamed ? `{ uid: ${user.uid}, gid: ${user.gid} }` : user,
    usual: String(usual),
    meaning: isNamed
      ? 'job processes may read and write what this user may'
      : 'job processes run as the user of the client',
  });
}

interface Widening {
  readonly key: keyof SitePolicy;
  readonly value: string | number | boolean;
  readonly usual: string | number | boolean;
  readonly meaning: string;
}

function line(isWider: boolean, { key, value, usual, meaning }: Widening): string | undefined {
  return isWider ? `${key}: ${value} (default ${usual}), ${meaning}` : undefined;
}
