import { counted } from '../../kernel/counted.ts';
import { NeuroflareError } from '../../kernel/errors.ts';
import type { Identity } from '../../security/certificate/identity.ts';
import type { AuditLog, Deed } from '../../store/audit-log.ts';
import type { Logger } from '../../telemetry/logger.ts';
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

const REPEATED_MS = 60_000;

/** A refusal that is in the log, and how often it came again since. */
interface Refused {
  readonly deed: Deed;
  /** Of another job. */
  isOfMore: boolean;
  again: number;
  readonly timer: NodeJS.Timeout;
}

/**
 * Notes whoever tries to change something without the right to: `action` is the route then. Somebody who tries the same again within a
 * minute has one more line for all of it: who is refused must not fill the disk.
 */
export function noteRefusals(
  app: App,
  { audit, logger }: { readonly audit: AuditLog; readonly logger: Pick<Logger, 'error'> },
): void {
  const noted = new Map<string, Refused>();
  const sumUp = async (key: string) => {
    const { deed, isOfMore, again, timer } = noted.get(key) ?? {};
    noted.delete(key);
    clearTimeout(timer);
    if (!deed || !again) return;
    const detail = `${deed.detail}: ${counted(again, 'time')} more within a minute`;
    await audit.append({ ...deed, ...(isOfMore && { job: undefined }), detail });
  };
  const later = (key: string) =>
    void sumUp(key).catch((cause: unknown) =>
      logger.error({ cause: String(cause) }, 'the audit log cannot be written'),
    );
  app.addHook('onError', async ({ identity, method, params, routeOptions }, _reply, error) => {
    if (method === 'GET' || !(error instanceof NeuroflareError) || error.code !== 'NF_ACCESS_DENIED') return;
    const { name: actor, org, role } = identity;
    const job = (params as { job?: string } | undefined)?.job;
    const action = `${method} ${routeOptions.url ?? ''}`;
    const key = JSON.stringify([actor, action]);
    const known = noted.get(key);
    if (known) {
      known.again++;
      known.isOfMore ||= known.deed.job !== job;
      return;
    }
    const deed: Deed = { actor, org, role, action, job, outcome: 'refused', detail: error.code };
    const timer = setTimeout(later, REPEATED_MS, key).unref();
    noted.set(key, { deed, isOfMore: false, again: 0, timer });
    await audit.append(deed);
  });
  app.addHook('onClose', async () => {
    for (const key of [...noted.keys()]) await sumUp(key);
  });
}
