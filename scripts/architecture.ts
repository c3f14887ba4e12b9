// The rooms of the house and who may call on whom: the one table that .dependency-cruiser.mjs checks and that
// docs/architecture.md shows.

/** Folders by layer, lowest first; a folder imports from lower layers and from itself. */
export const LAYERS: readonly (readonly string[])[] = [
  ['src/runtime/base'],
  [
    'src/runtime/algorithms',
    'src/runtime/masking',
    'src/runtime/privacy',
    'src/runtime/statistics',
    'src/runtime/page',
  ],
  ['src/runtime/job', 'src/preprocess'],
  ['src/runtime/run'],
  ['src/runtime/network'],
  ['src/runtime/security'],
  ['src/runtime/learning'],
  ['src/runtime/site'],
  ['src/runtime/federation'],
  ['src/runtime/deployment/store'],
  [
    'src/runtime/deployment/server',
    'src/runtime/deployment/client',
    'src/runtime/deployment/admin',
    'src/runtime/deployment/simulator',
    'src/runtime/deployment/queue',
    'src/runtime/deployment/poc',
    'src/runtime/deployment/preflight',
  ],
  ['src/runtime/evaluation'],
  ['src/runtime/experiment', 'src/runtime/dashboard'],
  ['src/output', 'src/command.ts', 'src/remote-command.ts', 'src/main.ts', 'src/commands', 'src/api'],
];

const SERVER = 'src/runtime/deployment/server';

/** Parts of the server in the same way: what jobs stand on, jobs, and what speaks of them. */
export const SERVER_PARTS: readonly (readonly string[])[] = [
  [`${SERVER}/heavy-work`, `${SERVER}/policy`, `${SERVER}/sites`, `${SERVER}/transfer`],
  [`${SERVER}/jobs`],
  [`${SERVER}/app`, `${SERVER}/backup`],
];

/** Beyond the layers: folders that may see still less. */
export const NARROWER = [{ folder: 'src/preprocess', highestLayer: 0 }];

/** Packages and the only folders that may import them. */
export const OWNERS = [
  { package: '^@tensorflow/', folders: ['src/runtime/learning'] },
  { package: '^onnxruntime-', folders: ['src/runtime/learning/engine'] },
  {
    package: '^(sharp|nifti-reader-js|dicom-parser|@niivue/dcm2niix|csv-parse|h5wasm)(/|$)',
    folders: ['src/preprocess'],
  },
  {
    package: '^fastify$',
    folders: [
      'src/runtime/deployment/server',
      'src/runtime/page',
      'src/runtime/evaluation/viewer',
      'src/runtime/dashboard',
    ],
  },
  { package: '^@fastify/sse$', folders: ['src/runtime/dashboard'] },
  {
    package: '^(@fastify/(?!sse).*|fastify-type-provider-zod|prom-client)$',
    folders: ['src/runtime/deployment/server'],
  },
  { package: '^(pino|rotating-file-stream)$', folders: ['src/runtime/base/logging'] },
  { package: '^(bullmq|ioredis)$', folders: ['src/runtime/deployment/queue'] },
  { package: '^undici$', folders: ['src/runtime/network/transfer'] },
  { package: '^node:sqlite$', folders: ['src/runtime/deployment/store'] },
  { package: '^yaml$', folders: ['src/runtime/job', 'src/runtime/base/files', 'src/preprocess'] },
  { package: '^(@peculiar/|reflect-metadata)', folders: ['src/runtime/security'] },
  {
    package: '^(@oclif/core|cli-progress|string-width|wrap-ansi)$',
    folders: ['src/output', 'src/command.ts', 'src/remote-command.ts', 'src/main.ts', 'src/commands'],
  },
];
