import { z } from 'zod';

/** local/log-config.yml of servers and clients. */
export const logSettingsSchema = z.strictObject({
  version: z.literal(1),
  level: z.enum(['debug', 'info', 'warn', 'error']).default('info'),
  max_megabytes: z.int().min(1).default(20).describe('size at which a log file is closed and the next begun'),
  kept_files: z.int().min(1).default(10).describe('closed log files kept'),
});
export type LogSettings = z.output<typeof logSettingsSchema>;

export const LOG_SETTINGS_TEXT = `# How much is logged, and how much of it is kept. The file is not signed and may be changed.
version: 1
level: info            # debug, info, warn or error
max_megabytes: 20      # a log file of this size is closed and the next begun
kept_files: 10
`;
