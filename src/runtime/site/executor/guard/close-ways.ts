import type { Socket } from 'node:net';
import { closeCode } from './close-code.ts';
import { closeFiles } from './close-files.ts';
import { closeNative } from './close-native.ts';
import { closeNetwork } from './close-network.ts';
import { closeProcess } from './close-process.ts';

/** What is taken from scripts in their process. */
export interface Closed {
  readonly network: boolean;
}

/** Closes what Node.js's permission model leaves open, before any script runs; nothing in this process can open it again. */
export async function closeWays({ network }: Closed, channel: Socket): Promise<void> {
  closeNative();
  await closeFiles();
  if (network) closeNetwork(channel);
  closeCode();
  closeProcess();
}
