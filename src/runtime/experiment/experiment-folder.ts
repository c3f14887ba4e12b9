import { join } from 'node:path';

/** Where what belongs to no run of an experiment lies: splits, results, tables. Its runs lie beside it, each under its own name. */
export function experimentFolder(workspace: string, name: string): string {
  return join(workspace, 'experiments', name);
}
