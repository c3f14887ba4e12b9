import { Worker } from 'node:worker_threads';
import { MODULE_EXTENSION } from '../kernel/module-file.ts';
import type { EngineSetup, TaskOrder } from './messages.ts';
import { startTaskLoop } from './task-loop.ts';

/** A process of its own for the scripts of one job. It ends with the one who started it. */

const tell = process.send?.bind(process);
if (!tell) throw new Error('process-entry runs as a child process.');
process.on('disconnect', () => process.exit(0));
new Worker(new URL(`./parent-watch${MODULE_EXTENSION}`, import.meta.url), {
  // Without what this process was told to load: the thread needs next to nothing.
  execArgv: [],
  resourceLimits: { maxOldGenerationSizeMb: 8, maxYoungGenerationSizeMb: 1 },
}).unref();
const take = startTaskLoop(JSON.parse(process.argv[2] ?? '') as EngineSetup, (message) => void tell(message));
process.on('message', (order: TaskOrder) => take(order));
tell({ type: 'ready' });
