import type { App } from './app.ts';
import { type JobLookupDeps, jobWithRight } from './job-lookup.ts';

/**
 * The right over what a request is about, before a byte of its body is read. Where the body alone names that, somebody without the right
 * over anything is refused; the route asks again.
 */
export function requireRightFirst(app: App, deps: JobLookupDeps): void {
  app.addHook('onRequest', async (request) => {
    const { access, takesBytes } = request.routeOptions.config;
    if (!access?.right || request.method === 'GET' || takesBytes) return;
    const { identity } = request;
    if (access.over === 'job') {
      const params = request.params as { readonly job: string };
      await jobWithRight(deps, { identity, params }, access.right);
    }
    if (access.over === 'site') deps.access.require(identity, access.right, { siteOrg: identity.org });
  });
}
