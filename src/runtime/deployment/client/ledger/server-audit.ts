import { setTimeout as sleep } from 'node:timers/promises';
import { canonicalJson } from '../../../base/digest.ts';
import { flError, type NeuroflareError, toNeuroflareError } from '../../../base/errors/errors.ts';
import { writeFileAtomic } from '../../../base/files/files.ts';
import { readOrSetAside } from '../../../base/files/record-file.ts';
import type { Logger } from '../../../base/logging/logger.ts';
import { type LogHead, logHead } from '../../../network/messages/log-head.ts';
import type { OpenKit } from '../../../security/kit/open.ts';
import { isSignedInProject } from '../../../security/log-key.ts';
import type { ServerLink } from '../server-link.ts';

export interface FollowOptions {
  readonly link: Pick<ServerLink, 'auditHead'>;
  /** Where the head is kept, in a line. */
  readonly path: string;
  readonly kit: Pick<OpenKit<'client'>, 'tls' | 'endpoint'>;
  readonly tell: (line: string) => void;
  readonly logger: Logger;
}

/** How often the server is asked. */
const ASK_MS = 60_000;

/**
 * Keeps the newest end of the server's audit log at the site, so that whoever rewrites the log, or puts an older one back, can be told by
 * what many sites hold. What does not follow what is kept is said, and the kept one stays. Returns what ends it.
 */
export function followServerAudit(options: FollowOptions): () => Promise<void> {
  const { link, logger, tell } = options;
  const stop = new AbortController();
  let told: string | undefined;
  const tellOnce = (error: NeuroflareError) => {
    if (told === error.message) return;
    told = error.message;
    logger.error(error.report(), 'the audit log of the server');
    tell(`${error.code}: ${error.message}`);
  };
  const follow = async () => {
    let kept = await readKept(options).catch((thrown: unknown) => tellOnce(toNeuroflareError(thrown)));
    while (!stop.signal.aborted) {
      try {
        const head = await link.auditHead(stop.signal);
        if (head) kept = await keepNewer(head, kept ?? undefined, options);
      } catch (thrown) {
        const error = toNeuroflareError(thrown);
        if (error.code === 'NF_SERVER_AUDIT') tellOnce(error);
        else logger.debug(error.report(), 'where the audit log of the server ends is not known');
      }
      await sleep(ASK_MS, undefined, { signal: stop.signal }).catch(() => undefined);
    }
  };
  const following = follow();
  return async () => {
    stop.abort();
    await following;
  };
}

/** One that somebody has damaged is kept beside. @throws NF_SERVER_AUDIT of it */
async function readKept(options: FollowOptions): Promise<LogHead | undefined> {
  const schema = logHead.refine((head) => isServers(head, options), 'it is not signed by the server');
  const { value, trouble } = await readOrSetAside(options.path, {
    schema,
    damaged: ({ path, reason }) =>
      refused(
        options,
        `what was kept of it, ${path}, cannot be read, or is not signed by the server: ${reason}`,
      ),
  });
  if (trouble) throw trouble;
  return value;
}

/** Durable when it returns. @throws NF_SERVER_AUDIT */
async function keepNewer(head: LogHead, kept: LogHead | undefined, options: FollowOptions): Promise<LogHead> {
  if (!isServers(head, options)) throw refused(options, 'its end is not signed by the server');
  if (kept && head.seq < kept.seq)
    throw refused(options, `it ends at entry ${head.seq}, and had ${kept.seq} before`);
  if (kept?.seq === head.seq && kept.hash !== head.hash)
    throw refused(options, `its entry ${head.seq} is another one than before`);
  if (kept?.seq !== head.seq)
    await writeFileAtomic(options.path, `${JSON.stringify(head)}\n`, { mode: 0o600 });
  return head;
}

function isServers({ seq, hash, signature, certificate }: LogHead, { kit }: FollowOptions): boolean {
  const isSigned = isSignedInProject(kit.tls.ca, { name: kit.endpoint.server.name, type: 'server' });
  return isSigned(canonicalJson({ seq, hash }), signature, certificate);
}

function refused({ path }: FollowOptions, reason: string): NeuroflareError {
  return flError('NF_SERVER_AUDIT', { reason, path }, { place: { file: path } });
}
