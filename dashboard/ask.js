import { html, useEffect, useRef, useState } from './htm.js';

/** A button whose deed is asked about first. `onYes` is given what was typed, where something is. */
export function Asked({ label, question, about, yes, field, tone = '', onYes }) {
  const [isOpen, setOpen] = useState(false);
  const [isBusy, setBusy] = useState(false);
  const [text, setText] = useState('');
  const dialog = useRef();
  useEffect(() => {
    if (isOpen && dialog.current && !dialog.current.open) dialog.current.showModal();
  }, [isOpen]);
  const close = () => setOpen(false);
  const work = async () => {
    setBusy(true);
    await onYes(text);
    setBusy(false);
    setOpen(false);
  };
  return html`<button type="button" class=${tone} onClick=${() => setOpen(true)}>${label}</button>
    ${
      isOpen
        ? html`<dialog ref=${dialog} aria-label=${question} onClose=${close}>
            <h2>${question}</h2>
            <p>${about}</p>
            ${field ? html`<label>${field} <input value=${text} maxlength="500" onInput=${(event) => setText(event.target.value)} /></label>` : null}
            <div class="buttons">
              <button type="button" onClick=${close} disabled=${isBusy}>Cancel</button>
              <button type="button" class=${`strong ${tone}`} onClick=${work} disabled=${isBusy}>${isBusy ? 'Wait…' : yes}</button>
            </div>
          </dialog>`
        : null
    }`;
}
