import { createRequire } from 'node:module';

/** Version of neuroflare. */
export function packageVersion(): string {
  const require = createRequire(import.meta.url);
  return (require('../../../../package.json') as { version: string }).version;
}

/** What a result was made with, for its record. */
export function softwareVersions(): Record<string, string> {
  return {
    neuroflare: packageVersion(),
    node: process.versions.node,
    platform: `${process.platform}-${process.arch}`,
  };
}
