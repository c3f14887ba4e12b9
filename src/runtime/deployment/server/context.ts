import type { Logger } from '../../base/logging/logger.ts';
import type { LogLevel } from '../../network/messages/shapes.ts';
import type { OpenKit } from '../../security/kit/open.ts';
import type { AuditLog } from '../../security/logs/audit-log.ts';
import type { ServerResources } from '../../security/policy/resources.ts';
import type { ServerStore } from '../store/server-store.ts';
import type { WorkThread } from './heavy-work/work-thread.ts';
import type { JobService } from './jobs/job-service.ts';
import type { MachineNotes } from './machine-notes.ts';
import type { Metrics } from './metrics.ts';
import type { Access } from './policy/access.ts';
import type { Studies } from './policy/studies.ts';
import type { RevokedList } from './sites/revoked-list.ts';
import type { SiteOrders } from './sites/site-orders.ts';
import type { SiteRegistry } from './sites/site-registry.ts';
import type { StateFolder } from './state-folder.ts';
import type { Downloads } from './transfer/downloads.ts';
import type { UploadDesk } from './transfer/upload-desk.ts';

/** The parts of a server that its routes speak to. */
export interface ServerContext {
  readonly kit: OpenKit<'server'>;
  readonly state: StateFolder;
  readonly resources: ServerResources;
  readonly store: ServerStore;
  readonly registry: SiteRegistry;
  readonly orders: SiteOrders;
  readonly jobs: JobService;
  readonly studies: Studies;
  readonly access: Access;
  readonly uploads: UploadDesk;
  readonly downloads: Downloads;
  readonly work: WorkThread;
  /** What sites are told of who was revoked. */
  readonly revoked: RevokedList;
  readonly audit: AuditLog;
  readonly metrics: Metrics;
  readonly machine: MachineNotes;
  readonly logger: Logger;
  /** For people at the server. */
  readonly tell: (line: string) => void;
  /** ISO 8601, UTC. */
  readonly started: string;
  logLevel(): LogLevel;
  setLogLevel(level: LogLevel): void;
  /** Ends the server in order, after the answer is out. */
  stop(what: 'shutdown' | 'restart'): void;
}
