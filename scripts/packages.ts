// The packages that come with neuroflare, by the lock file: what THIRD-PARTY.md and the bill of materials are made of.
import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { compareText } from '../src/runtime/base/text/compare-text.ts';
import { CARRIED, insideOf } from './vendor.ts';

const lockSchema = z.object({
  packages: z.record(
    z.string(),
    z.object({
      version: z.string().optional(),
      license: z.string().optional(),
      integrity: z.string().optional(),
      dev: z.boolean().optional(),
      optional: z.boolean().optional(),
    }),
  ),
});

/** What a package says of its licence in words, by SPDX. */
const LICENCES: ReadonlyMap<string, string> = new Map([['h5wasm', 'NIST-Software']]);

export interface LockedPackage {
  readonly name: string;
  readonly version: string;
  /** SPDX expression. */
  readonly licence: string;
  /** As in the lock file, `sha512-…`. */
  readonly integrity: string;
  readonly comes: 'always' | 'where npm can' | 'inside this package';
}

/** All that a user's installation may hold, by name and version; each once, whatever stands twice in the tree. */
export function shippedPackages(root: string): LockedPackage[] {
  const { packages } = lockSchema.parse(JSON.parse(readFileSync(`${root}package-lock.json`, 'utf8')));
  const found = new Map<string, LockedPackage>();
  const carried = new Set(CARRIED.flatMap((name) => [name, ...insideOf(root, name)]));
  for (const [path, entry] of Object.entries(packages)) {
    const name = path.split('node_modules/').at(-1) ?? '';
    const isCarried = carried.has(path.replace('node_modules/', ''));
    if (path === '' || (entry.dev && !isCarried)) continue;
    const { version, integrity } = entry;
    const licence = LICENCES.get(name) ?? entry.license;
    if (!version || !licence || !integrity)
      throw new Error(`${path} has no version, licence or hash in the lock file`);
    const comes =
      isCarried && entry.dev ? 'inside this package' : entry.optional ? 'where npm can' : 'always';
    found.set(`${name}@${version}`, { name, version, licence, integrity, comes });
  }
  return [...found.values()].sort((a, b) => compareText(a.name, b.name) || compareText(a.version, b.version));
}

/** THIRD-PARTY.md. */
export function thirdPartyPage(root: string, note: string): string {
  const packages = shippedPackages(root);
  const counts = new Map<string, number>();
  for (const { licence } of packages) counts.set(licence, (counts.get(licence) ?? 0) + 1);
  const sums = [...counts].sort((a, b) => b[1] - a[1] || compareText(a[0], b[0]));
  const rows = packages.map(
    ({ name, version, licence, comes }) => `| ${name} | ${version} | ${licence} | ${comes} |`,
  );
  return `# Packages of others

${note}

${packages.length} packages may come with neuroflare, by the lock file: ${sums.map(([licence, count]) => `${licence} ${count}`).join(', ')}. Each has its licence in
its own folder; ONNX Runtime, NiiVue with the packages inside its script, uPlot, and htm with Preact inside its script are carried inside the package, in \`dist/vendor\`, without the parts that are not loaded. libvips (LGPL-3.0-or-later) is a
library of its own, linked when it is loaded. oclif, zod, yaml and what every command needs beside them are joined with neuroflare's own code in \`dist/chunks\`, where
\`LICENSES.txt\` holds their licences. \`@tensorflow/tfjs-node-gpu\`, if you install it, brings more.

| package | version | licence | comes |
| --- | --- | --- | --- |
${rows.join('\n')}
`;
}
