import type { EngineSetup, TaskOrder } from './messages.ts';
import { startTaskLoop } from './task-loop.ts';

/** A process of its own for the scripts of one job. It ends with the one who started it. */

const tell = process.send?.bind(process);
if (!tell) throw new Error('process-entry runs as a child process.');
process.on('disconnect', () => process.exit(0));
const take = startTaskLoop(JSON.parse(process.argv[2] ?? '') as EngineSetup, (message) => void tell(message));
process.on('message', (order: TaskOrder) => take(order));
tell({ type: 'ready' });
