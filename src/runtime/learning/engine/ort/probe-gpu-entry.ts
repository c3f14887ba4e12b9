import { gpuFault } from './probe-gpu.ts';
import { GPU_PROVIDERS } from './runtime.ts';

/** Process that tries a GPU: `PROVIDER INDEX`. */

const [name, index] = process.argv.slice(2);
const provider = GPU_PROVIDERS.find((known) => known === name);
if (!provider) throw new Error(`There is no provider ${name}.`);
process.stdout.write(await gpuFault({ provider, index: Number(index) }));
