/** Milliseconds. */
export const PACE = {
  /** A worker that does not renew its hold on a task for so long has lost it. */
  lease: 6000,
  /** Between two looks for tasks whose worker is lost. */
  check: 2000,
  /** Between two looks of a run at its workers, and of a worker at the runs. */
  look: 500,
  /** Between two looks of a run for tasks that the queue has forgotten. */
  sweep: 2000,
  /** What is printed is told together. */
  said: 300,
  /** A queue that does not answer is not waited for at the end. */
  goodbye: 3000,
} as const;

/** Times a task is begun again whose worker was lost. */
export const MOST_STALLED = 5;

/** What is done again and again, one after the other, until it is stopped; what fails is tried the next time. */
export function repeat(everyMs: number, work: () => Promise<void>): { stop(): Promise<void> } {
  let isOver = false;
  let timer: NodeJS.Timeout | undefined;
  let wake: () => void = () => undefined;
  const loop = async () => {
    while (!isOver) {
      await work().catch(() => undefined);
      if (isOver) return;
      await new Promise<void>((resolve) => {
        wake = resolve;
        timer = setTimeout(resolve, everyMs);
      });
    }
  };
  const running = loop();
  return {
    stop: async () => {
      isOver = true;
      clearTimeout(timer);
      wake();
      await within(running);
    },
  };
}

/** Waits for something no longer than a queue is waited for that does not answer. */
export async function within(work: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, PACE.goodbye);
  });
  await Promise.race([work.catch(() => undefined), late]);
  clearTimeout(timer);
}
