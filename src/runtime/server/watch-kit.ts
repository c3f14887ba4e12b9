import { stat } from 'node:fs/promises';
import type { Server } from 'node:https';
import { join } from 'node:path';
import { toNeuroflareError } from '../kernel/errors.ts';
import { kitFiles, REVOKED_FILE } from '../security/kit/layout.ts';
import { openKit } from '../security/kit/open.ts';
import type { Logger } from '../telemetry/logger.ts';

const LOOK_MS = 3000;

/**
 * Takes up a renewed certificate and a new list of revoked ones while the server runs. Connections begin anew with them, so that
 * whoever was revoked is out at once. Returns what ends the watch.
 */
export function watchKit(kitDir: string, { server, logger }: { server: Server; logger: Logger }): () => void {
  const paths = [kitFiles('server').certificate, kitFiles('server').signature, REVOKED_FILE];
  const stampOf = async () => {
    const found = await Promise.all(paths.map((path) => stat(join(kitDir, path)).catch(() => undefined)));
    return found.map((file) => `${file?.mtimeMs} ${file?.size}`).join();
  };
  let stamp: string | undefined;
  const look = async () => {
    const now = await stampOf();
    if (stamp !== undefined && now !== stamp) await takeUp(kitDir, { server, logger });
    stamp = now;
  };
  void look();
  const timer = setInterval(() => void look().catch(() => undefined), LOOK_MS);
  return () => clearInterval(timer);
}

/** A kit with a fault is not taken up: the server goes on with the one it has. */
async function takeUp(kitDir: string, { server, logger }: { server: Server; logger: Logger }): Promise<void> {
  try {
    const { tls } = await openKit(kitDir, 'server');
    server.setSecureContext({
      ca: tls.ca,
      cert: tls.cert,
      key: tls.key,
      crl: tls.crl,
      minVersion: tls.minVersion,
    });
    server.closeAllConnections();
    logger.info('the kit has changed: its certificate and list of revoked ones are in use');
  } catch (thrown) {
    logger.error(toNeuroflareError(thrown).report(), 'the kit has changed and cannot be used');
  }
}
