// Keeps a served page up to date. The server reports the number of its newest report (server-sent events), and the
// page fetches that: when it is visible, and not while text is selected, which a new page would undo.

import { element } from './parts.mjs';

/** Updating may take one part in so many of the time. */
const SHARE = 10;

export function followServer(version, onData) {
  const status = element('p', { id: 'live', role: 'status' }, ['Live.']);
  document.querySelector('header').append(status);
  let wanted = version;
  let busyUntil = 0;
  let isFetching = false;

  const source = new EventSource('events');
  source.addEventListener('open', () => report('Live.'));
  source.addEventListener('report', ({ data }) => {
    wanted = Number(data);
    update();
  });
  source.addEventListener('end', () => {
    source.close();
    report('Not live any more: closefds has ended.');
  });
  source.addEventListener('error', () => report('Not connected to closefds; trying again.'));
  document.addEventListener('visibilitychange', update);
  document.addEventListener('selectionchange', update);

  function report(text) {
    if (status.textContent !== text) status.textContent = text;
  }

  async function update() {
    if (wanted === version || isFetching || document.hidden || hasSelection()) return;
    const rest = busyUntil - performance.now();
    if (rest > 0) {
      setTimeout(update, rest);
      return;
    }
    isFetching = true;
    try {
      const data = await (await fetch('report.json')).json();
      const begin = performance.now();
      version = data.version;
      // A restarted server counts anew.
      wanted = version;
      onData(data);
      busyUntil = performance.now() + (performance.now() - begin) * SHARE;
    } catch {
      // The connection of events shows it, too, and comes again.
    } finally {
      isFetching = false;
    }
  }
}

function hasSelection() {
  const selection = getSelection();
  return selection !== null && !selection.isCollapsed;
}
