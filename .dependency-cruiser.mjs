import { LAYERS, NARROWER, OWNERS, SERVER_PARTS } from './scripts/architecture.ts';

const anyOf = (folders) => `^(${folders.join('|')})`;

/** A layer may not import from the layers above it. */
const upwards = (layers, name) =>
  layers.slice(0, -1).map((folders, index) => ({
    name: `${name}-${index}`,
    severity: 'error',
    from: { path: anyOf(folders) },
    to: { path: anyOf(layers.slice(index + 1).flat()) },
  }));

/** Rooms side by side in one layer do not import one another. */
const sideways = (layers) =>
  layers
    .filter((folders) => folders.length > 1)
    .flatMap((folders) =>
      folders.map((folder) => ({
        name: `neighbours-of-${folder}`,
        severity: 'error',
        from: { path: `^${folder}/` },
        to: { path: anyOf(folders.filter((other) => other !== folder)) },
      })),
    );

const narrower = NARROWER.map(({ folder, highestLayer }) => ({
  name: `narrow-${folder}`,
  severity: 'error',
  from: { path: `^${folder}` },
  to: {
    path: anyOf(
      LAYERS.slice(highestLayer + 1)
        .flat()
        .filter((other) => other !== folder),
    ),
  },
}));

const owners = OWNERS.map(({ package: name, folders }) => ({
  name: `owner-of-${name}`,
  severity: 'error',
  from: { path: '^src', pathNot: anyOf(folders) },
  to: { path: `(^|node_modules/)${name.replace(/^\^/, '').replace(/\$$/, '(/|$)')}` },
}));

export default {
  forbidden: [
    { name: 'no-cycles', severity: 'error', from: {}, to: { circular: true } },
    { name: 'not-to-tests', severity: 'error', from: { path: '^src' }, to: { path: '^test' } },
    ...upwards(LAYERS, 'layer'),
    ...sideways(LAYERS.slice(0, -1)),
    ...upwards(SERVER_PARTS, 'server'),
    ...sideways(SERVER_PARTS),
    ...narrower,
    ...owners,
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    tsConfig: { fileName: 'tsconfig.json' },
    tsPreCompilationDeps: true,
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'node', 'default'] },
  },
};
