// The rooms of the house and who may call on whom: the one table that .dependency-cruiser.mjs checks and that
// docs/architecture.md shows.

/** Folders by layer, lowest first; a folder imports from lower layers and from itself. */
export const LAYERS: readonly (readonly string[])[] = [
  ['src/runtime/kernel'],
  ['src/runtime/tensors', 'src/runtime/telemetry', 'src/runtime/workspace', 'src/runtime/statistics'],
  ['src/runtime/run'],
  ['src/runtime/wire', 'src/runtime/job'],
  [
    'src/runtime/engine',
    'src/runtime/store',
    'src/runtime/security',
    'src/runtime/transport',
    'src/preprocess',
  ],
  ['src/runtime/algorithms', 'src/runtime/train'],
  ['src/runtime/federation', 'src/runtime/site'],
  [
    'src/runtime/server',
    'src/runtime/client',
    'src/runtime/admin',
    'src/runtime/export',
    'src/runtime/simulator',
    'src/runtime/poc',
    'src/runtime/preflight',
    'src/runtime/evaluation',
  ],
  ['src/runtime/study', 'src/runtime/fedjob'],
  ['src/runtime/report'],
  ['src/output', 'src/command.ts', 'src/remote-command.ts', 'src/main.ts', 'src/commands', 'src/api'],
];

/** Beyond the layers: folders that may see still less. */
export const NARROWER = [{ folder: 'src/preprocess', highestLayer: 1 }];

/** Packages and the only folders that may import them. */
export const OWNERS = [
  { package: '^@tensorflow/', folders: ['src/runtime/engine', 'src/runtime/train'] },
  { package: '^onnxruntime-', folders: ['src/runtime/engine'] },
  { package: '^(sharp|nifti-reader-js)$', folders: ['src/preprocess'] },
  {
    package: '^(fastify|@fastify/.*|fastify-type-provider-zod|prom-client)$',
    folders: ['src/runtime/server'],
  },
  { package: '^(pino|rotating-file-stream)$', folders: ['src/runtime/telemetry'] },
  { package: '^undici$', folders: ['src/runtime/transport'] },
  { package: '^node:sqlite$', folders: ['src/runtime/store'] },
  { package: '^yaml$', folders: ['src/runtime/job', 'src/runtime/workspace', 'src/preprocess'] },
  { package: '^(@peculiar/|reflect-metadata)', folders: ['src/runtime/security'] },
  {
    package: '^(@oclif/core|cli-progress|string-width|wrap-ansi)$',
    folders: ['src/output', 'src/command.ts', 'src/remote-command.ts', 'src/main.ts', 'src/commands'],
  },
];
