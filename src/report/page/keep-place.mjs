// Makes the page anew and leaves the reader where they were: what is unfolded, chosen and written, the focus, and
// what is seen. Elements are found again by keys: `data-key` of the nearest element that has one.

const SCOPE = '[data-key], section, #bar';

/** `onChosen` is called when the new page has what was chosen and written. */
export function keepingPlace(renew, onChosen) {
  const kept = {
    folds: new Map(all('details').map(one => [nameOf(one), one.open])),
    values: new Map(all('input, select').map(one => [nameOf(one), one.value])),
    toggled: new Map(all('[aria-expanded]').map(one => [nameOf(one), one.getAttribute('aria-expanded')])),
    whole: new Set(all('[data-whole]').map(nameOf)),
    focus: focusOf(document.activeElement),
    anchor: anchorOf(),
  };
  renew();
  for (const control of all('input, select')) setValue(control, kept.values.get(nameOf(control)));
  onChosen();
  // A list that is shown as a whole has more elements to restore.
  for (const list of all('[data-key]'))
    if (kept.whole.has(nameOf(list))) list.querySelector('.more')?.click();
  for (const one of all('details')) one.open = kept.folds.get(nameOf(one)) ?? one.open;
  for (const one of all('[aria-expanded]')) {
    const isExpanded = one.getAttribute('aria-expanded');
    if ((kept.toggled.get(nameOf(one)) ?? isExpanded) !== isExpanded) one.click();
  }
  restoreFocus(kept.focus);
  restoreAnchor(kept.anchor);
}

function all(selector) {
  return [...document.querySelectorAll(selector)];
}

function nameOf(one) {
  if (one.dataset.key !== undefined) return one.dataset.key;
  const scope = one.closest(SCOPE) ?? document.body;
  const index = [...scope.querySelectorAll(one.localName)].indexOf(one);
  return `${scope.dataset.key ?? scope.id} ${one.localName} ${index}`;
}

/** A choice that is there no more becomes "any". */
function setValue(control, value) {
  if (value === undefined || control.value === value) return;
  control.value = value;
  if (control.selectedIndex === -1) control.value = '';
  control.dispatchEvent(new Event('input', { bubbles: true }));
}

function focusOf(one) {
  if (one === null || one === document.body) return undefined;
  const { selectionStart, selectionEnd } = one;
  return { name: nameOf(one), localName: one.localName, selectionStart, selectionEnd };
}

function restoreFocus(focus) {
  if (focus === undefined) {
    document.activeElement?.blur();
    return;
  }
  const found = all(focus.localName).find(one => nameOf(one) === focus.name);
  if (found === undefined) return;
  found.focus({ preventScroll: true });
  if (typeof focus.selectionStart === 'number')
    found.setSelectionRange(focus.selectionStart, focus.selectionEnd);
}

/** The first element with a key that is seen, and where. */
function anchorOf() {
  if (scrollY === 0) return undefined;
  const seen = all('main [data-key], main section').find(
    one => one.getClientRects().length > 0 && one.getBoundingClientRect().top >= 0,
  );
  return seen && { name: nameOf(seen), localName: seen.localName, top: seen.getBoundingClientRect().top };
}

function restoreAnchor(anchor) {
  if (anchor === undefined) return;
  const found = all(anchor.localName).find(one => nameOf(one) === anchor.name);
  if (found !== undefined) scrollBy(0, found.getBoundingClientRect().top - anchor.top);
}
