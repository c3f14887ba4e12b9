// Figures and times as people read them.

/** Local time; with its day where that is another. */
export function timeText(iso) {
  const time = new Date(iso ?? '');
  if (Number.isNaN(time.getTime())) return '';
  const isToday = time.toDateString() === new Date().toDateString();
  const clock = time.toLocaleTimeString([], { hour12: false });
  return isToday ? clock : `${time.toISOString().slice(0, 10)} ${clock}`;
}

export function durationText(seconds) {
  if (seconds === null || !Number.isFinite(seconds)) return '';
  if (seconds < 10) return `${seconds.toFixed(1)} s`;
  if (seconds < 90) return `${Math.round(seconds)} s`;
  if (seconds < 5400) return `${Math.round(seconds / 60)} min`;
  if (seconds < 172_800) return `${(seconds / 3600).toFixed(1)} h`;
  return `${Math.round(seconds / 86_400)} days`;
}

export function sinceText(iso) {
  const from = Date.parse(iso ?? '');
  return Number.isNaN(from) ? '' : durationText(Math.max(0, Date.now() - from) / 1000);
}

export function figureText(value) {
  if (value === null || value === undefined) return '–';
  const size = Math.abs(value);
  return size !== 0 && (size < 0.001 || size >= 100_000) ? value.toExponential(2) : value.toFixed(3);
}

/** Of what `done` and `total` count: images, steps of a private job, or what a script counts. */
export function speedText(value) {
  if (value === null) return '';
  return `${value < 10 ? value.toFixed(1) : Math.round(value)} a second`;
}

export function bytesText(bytes) {
  const units = ['bytes', 'kB', 'MB', 'GB', 'TB'];
  let at = 0;
  let left = bytes;
  while (left >= 1000 && at < units.length - 1) {
    left /= 1000;
    at++;
  }
  return `${at === 0 ? left : left.toFixed(1)} ${units[at]}`;
}

export function counted(count, what) {
  return `${count} ${what}${count === 1 ? '' : 's'}`;
}
