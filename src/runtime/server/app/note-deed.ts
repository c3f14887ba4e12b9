import { NeuroflareError } from '../../kernel/errors.ts';
import type { Identity } from '../../security/certificate/identity.ts';
import type { AuditLog, Deed } from '../../store/audit-log.ts';
import type { App } from './app.ts';

type What = Pick<Deed, 'action' | 'job' | 'site' | 'detail'>;

/** What somebody did through a route, in the audit log; durable when it returns. */
export async function noteDeed(
  { audit }: { readonly audit: AuditLog },
  { name: actor, org, role }: Identity,
  what: What,
): Promise<void> {
  await audit.append({ actor, org, role, outcome: 'done', ...what });
}

/** Notes whoever tries to change something without the right to: `action` is the route then. */
export function noteRefusals(app: App, { audit }: { readonly audit: AuditLog }): void {
  app.addHook('onError', async ({ identity, method, params, routeOptions }, _reply, error) => {
    if (method === 'GET' || !(error instanceof NeuroflareError) || error.code !== 'NF_ACCESS_DENIED') return;
    const { name: actor, org, role } = identity;
    const job = (params as { job?: string } | undefined)?.job;
    const action = `${method} ${routeOptions.url ?? ''}`;
    await audit.append({ actor, org, role, action, job, outcome: 'refused', detail: error.code });
  });
}
