import { isRight } from './list.js';

/** Tables of what is known: the run's answer, quality of the image, and the participant's row. All texts are shown as they are. */
export function showDetails(element, subject, image) {
  const right = isRight(subject);
  const answer = subject.probabilities.map(([label, value]) => [label, `${(100 * value).toFixed(1)} %`]);
  const verdict = subject.predicted === null ? [] : [['predicted', subject.predicted]];
  if (right !== undefined) verdict.push(['right', right ? 'yes' : 'no']);
  const place = [
    ['subject', subject.id],
    ['label', subject.label],
    ['site', subject.site],
    ['part', subject.part],
    ['group', subject.group === subject.id ? null : subject.group],
  ];
  element.replaceChildren(
    ...tableOf('Image', place),
    ...tableOf('Answer of the run', [...verdict, ...answer]),
    ...tableOf('Quality', [...image.quality, ...subject.quality]),
    ...tableOf('Participant', subject.facts),
  );
}

/** Heading and list of names and values; nothing where there are none. */
function tableOf(title, rows) {
  const told = rows.filter(([, value]) => value !== null && value !== '' && value !== 'n/a');
  if (told.length === 0) return [];
  const heading = document.createElement('h3');
  heading.textContent = title;
  const list = document.createElement('dl');
  for (const [name, value] of told) {
    const [term, definition] = [document.createElement('dt'), document.createElement('dd')];
    term.textContent = name;
    definition.textContent = value;
    list.append(term, definition);
  }
  return [heading, list];
}
