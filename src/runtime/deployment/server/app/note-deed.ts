import { NeuroflareError } from '../../../base/errors/errors.ts';
import type { Logger } from '../../../base/logging/logger.ts';
import type { Identity } from '../../../security/certificate/identity.ts';
import type { AuditLog, Deed } from '../../../security/logs/audit-log.ts';
import { RepeatedDeeds } from '../../../security/logs/repeated-deeds.ts';
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

/**
 * Notes whoever tries to change something without the right to: `action` is the route then. Somebody who tries the same again within a
 * minute has one more line for all of it: who is refused must not fill the disk.
 */
export function noteRefusals(
  app: App,
  { audit, logger }: { readonly audit: AuditLog; readonly logger: Pick<Logger, 'error'> },
): void {
  const refusals = new RepeatedDeeds({ audit, logger });
  app.addHook('onError', async ({ identity, method, params, routeOptions }, _reply, error) => {
    if (method === 'GET' || !(error instanceof NeuroflareError) || error.code !== 'NF_ACCESS_DENIED') return;
    const { name: actor, org, role } = identity;
    const job = (params as { job?: string } | undefined)?.job;
    const action = `${method} ${routeOptions.url ?? ''}`;
    const key = JSON.stringify([actor, action]);
    await refusals.note(key, { actor, org, role, action, job, outcome: 'refused', detail: error.code });
  });
  app.addHook('onClose', () => refusals.close());
}
