const EVERY_MS = 200;

export interface MemoryShare {
  /** Begins a run; its answer ends it and says the most bytes that fell to it. */
  readonly begin: () => () => number;
}

/**
 * How much memory runs of this process take: its resident memory, looked at again and again, in equal shares to the runs under way.
 * `resident`: bytes, for tests.
 */
export function shareMemory(resident: () => number = () => process.memoryUsage.rss()): MemoryShare {
  const most = new Set<{ bytes: number }>();
  let timer: NodeJS.Timeout | undefined;
  const look = () => {
    const share = Math.ceil(resident() / Math.max(1, most.size));
    for (const run of most) run.bytes = Math.max(run.bytes, share);
  };
  return {
    begin: () => {
      const run = { bytes: 0 };
      most.add(run);
      timer ??= setInterval(look, EVERY_MS).unref();
      look();
      return () => {
        look();
        most.delete(run);
        if (most.size === 0) {
          clearInterval(timer);
          timer = undefined;
        }
        return run.bytes;
      };
    },
  };
}
