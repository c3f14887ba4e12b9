import { MOST_FAULTS } from '../base/files/yaml-check.ts';
import { MOST_YAML_DEPTH } from '../base/files/yaml-source.ts';
import type { Limit } from '../base/limits.ts';

/**
 * How much a job may be when it is submitted: at the server and at the sites it is others' work, read and checked before anybody
 * has looked at it. `docs/limits.md` shows this table. The size of models is the server's own setting (`max_model_gb`).
 */
export const JOB_LIMITS = {
  submission: { most: 30_000_000, unit: 'bytes', what: 'a bundle as it travels, in base64' },
  files: { most: 500, unit: 'files', what: 'files of a bundle' },
  bytes: { most: 20_000_000, unit: 'bytes', what: 'files of a bundle together' },
  definition: { most: 200_000, unit: 'bytes', what: 'job.yaml' },
  depth: { most: MOST_YAML_DEPTH, unit: 'levels', what: 'nested lists and maps of a YAML or JSON text' },
  script: { most: 2_000_000, unit: 'bytes', what: 'a script' },
  scripts: { most: 5_000_000, unit: 'bytes', what: 'scripts together' },
  name: { most: 200, unit: 'bytes', what: 'the name of a file or folder, in UTF-8' },
  path: { most: 500, unit: 'bytes', what: 'a path in the bundle, in UTF-8' },
  faults: { most: MOST_FAULTS, unit: 'faults', what: 'faults of a file that are worked out' },
  seconds: {
    most: 60,
    unit: 'seconds',
    what: 'work to read and check it; of the clock up to ten times as much, where the machine is busy',
  },
  megabytes: { most: 512, unit: 'MB', what: 'memory to read and check it' },
} as const satisfies Record<string, Limit>;
