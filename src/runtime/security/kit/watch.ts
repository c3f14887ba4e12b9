import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { type ErrorReport, toNeuroflareError } from '../../base/errors/errors.ts';
import type { ParticipantType } from '../project/schema.ts';
import { kitFiles, REVOKED_FILE } from './layout.ts';
import { type OpenKit, openKit } from './open.ts';

const LOOK_MS = 3000;

export interface KitWatch<Type extends ParticipantType> {
  readonly type: Type;
  /** A renewed certificate, or a new list of revoked ones. */
  readonly onChange: (kit: OpenKit<Type>) => void;
  /** A kit with a fault is not taken up: its owner goes on with the one it has. */
  readonly onFault: (error: ErrorReport) => void;
}

/** Sees to it that a kit renewed in place is taken up while its owner runs. Returns what ends the watch. */
export function watchKit<Type extends ParticipantType>(dir: string, watch: KitWatch<Type>): () => void {
  const { certificate, signature } = kitFiles(watch.type);
  const paths = [certificate, signature, REVOKED_FILE];
  const stampOf = async () => {
    const found = await Promise.all(paths.map((path) => stat(join(dir, path)).catch(() => undefined)));
    return found.map((file) => `${file?.mtimeMs} ${file?.size}`).join();
  };
  let stamp: string | undefined;
  const look = async () => {
    const now = await stampOf();
    if (stamp !== undefined && now !== stamp) await takeUp(dir, watch);
    stamp = now;
  };
  void look();
  const timer = setInterval(() => void look().catch(() => undefined), LOOK_MS);
  return () => clearInterval(timer);
}

async function takeUp<Type extends ParticipantType>(
  dir: string,
  { type, onChange, onFault }: KitWatch<Type>,
): Promise<void> {
  try {
    onChange(await openKit(dir, type));
  } catch (thrown) {
    onFault(toNeuroflareError(thrown).report());
  }
}
