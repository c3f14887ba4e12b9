import { mkdirSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import pino, { type Logger } from 'pino';
import { createStream } from 'rotating-file-stream';

export type { Logger } from 'pino';

export interface LogTarget {
  /** JSON lines; at its size the file is closed as `<name>.1`, `<name>.2` and so on. */
  readonly path: string;
  readonly level: 'debug' | 'info' | 'warn' | 'error';
  readonly maxMegabytes: number;
  readonly keptFiles: number;
}

/** What must not be in a log, whatever object it comes with. */
const SECRETS = [
  'key',
  'pem',
  'authorization',
  'signature',
  '*.key',
  '*.pem',
  '*.authorization',
  '*.signature',
];

/** A structured log in files of bounded size. */
export function openLog({
  path,
  level,
  maxMegabytes,
  keptFiles,
}: LogTarget): Logger & { close(): Promise<void> } {
  mkdirSync(dirname(path), { recursive: true });
  const stream = createStream(basename(path), {
    path: dirname(path),
    size: `${maxMegabytes}M`,
    maxFiles: keptFiles,
  });
  const logger = pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      redact: { paths: SECRETS, censor: '[secret]' },
    },
    stream,
  );
  return Object.assign(logger, { close: () => new Promise<void>((resolve) => stream.end(resolve)) });
}
