import type { LogLevel } from '../../../network/messages/shapes.ts';
import type { SiteRegistry } from './site-registry.ts';

type Order = 'shutdown' | 'restart';

/** What admins ask of clients: handed out with the next answer, and forgotten when the client has gone for it. */
export class SiteOrders {
  readonly #registry: SiteRegistry;
  /** By session: a client that came back has obeyed. */
  readonly #orders = new Map<string, Order>();
  readonly #levels = new Map<string, LogLevel>();

  constructor(registry: SiteRegistry) {
    this.#registry = registry;
    registry.listen({ connected: () => undefined, lost: ({ id }) => this.#orders.delete(id) });
  }

  /** False if the site is not there. */
  give(site: string, order: Order): boolean {
    const session = this.#registry.get(site);
    if (!session) return false;
    this.#orders.set(session.id, order);
    this.#registry.bell(site).ring();
    return true;
  }

  setLogLevel(site: string, level: LogLevel): void {
    this.#levels.set(site, level);
    this.#registry.bell(site).ring();
  }

  of({ id, site }: { id: string; site: string }): { order?: Order; log_level?: LogLevel } {
    const order = this.#orders.get(id);
    const level = this.#levels.get(site);
    return { ...(order && { order }), ...(level && { log_level: level }) };
  }
}
