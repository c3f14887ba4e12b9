/** A thread that ends its process when the one who started it is gone: a script that computes without a pause hears of nothing. */

const parent = process.ppid;
setInterval(() => {
  if (!isThere()) process.kill(process.pid, 'SIGKILL');
}, 1000);

function isThere(): boolean {
  if (process.platform !== 'win32') return process.ppid === parent;
  try {
    return process.kill(parent, 0);
  } catch {
    return false;
  }
}
