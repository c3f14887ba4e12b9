import type { Identity } from '../../security/certificate/identity.ts';
import type { AuditLog, Deed } from '../../store/audit-log.ts';

type What = Pick<Deed, 'action' | 'job' | 'site' | 'detail'>;

/** What somebody did through a route, in the audit log; durable when it returns. */
export async function noteDeed(
  { audit }: { readonly audit: AuditLog },
  { name: actor, org, role }: Identity,
  what: What,
): Promise<void> {
  await audit.append({ actor, org, role, outcome: 'done', ...what });
}
