// The form that filters the rows.

import { choice, element } from './parts.mjs';
import { KINDS } from './row.mjs';
import { DISPOSITIONS } from './tally.mjs';
import { groupsTitle, number } from './words.mjs';

/** Rows for which the candidate policy would do something else. */
const TRIED = 'candidate';

const TESTS = {
  text: (row, wanted) => row.text.includes(wanted.trim().toLowerCase()),
  became: (row, wanted) => (wanted === TRIED ? row.candidate.length > 0 : row.became.includes(wanted)),
  kind: (row, wanted) => row.kind === wanted,
  caller: (row, wanted) => row.caller === wanted,
  used: (row, wanted) => row.used === wanted,
};

/** Calls `onChange` with the rows that pass the filters. */
export function createFilters(rows, onChange) {
  const controls = controlsOf(rows);
  const status = element('p', { class: 'status', role: 'status' }, [statusOf(rows, rows)]);
  const reset = element('button', { type: 'button' }, ['Reset']);
  const form = element('form', { class: 'filters', role: 'search', 'aria-label': 'Filter the groups' }, [
    ...Object.entries(controls).map(([name, { title, control }]) =>
      element('label', { class: `field ${name}` }, [element('span', {}, [title]), control]),
    ),
    reset,
    status,
  ]);
  form.addEventListener('input', update);
  form.addEventListener('submit', event => event.preventDefault());
  reset.addEventListener('click', () => {
    for (const { control } of Object.values(controls)) control.value = '';
    update();
    controls.text.control.focus();
  });
  return { form, choose };

  function choose(name, value) {
    controls[name].control.value = value;
    update();
  }

  function update() {
    const wanted = Object.entries(controls).filter(([, { control }]) => control.value !== '');
    const chosen = rows.filter(row => wanted.every(([name, { control }]) => TESTS[name](row, control.value)));
    status.textContent = statusOf(chosen, rows);
    onChange(chosen);
  }
}

function controlsOf(rows) {
  const callers = [...new Set(rows.map(({ caller }) => caller))].sort();
  const same = names => names.map(name => [name, name]);
  const became = [['', 'anything'], ...same(DISPOSITIONS)];
  if (rows.some(({ candidate }) => candidate.length > 0)) became.push([TRIED, 'candidate differs']);
  const search = { type: 'search', placeholder: 'path, package, command ...', autocomplete: 'off' };
  return {
    text: { title: 'Search', control: element('input', search) },
    became: { title: 'What became', control: choice(became) },
    kind: { title: 'Kind', control: choice([['', 'any'], ...Object.entries(KINDS)]) },
    caller: { title: 'Caller', control: choice([['', 'anybody'], ...same(callers)]) },
    used: { title: 'Use', control: choice([['', 'any'], ...same(['used', 'not used', 'unknown'])]) },
  };
}

function statusOf(chosen, rows) {
  const groups = `${number(rows.length)} ${groupsTitle(rows.length)}`;
  if (chosen.length === rows.length) return rows.length === 1 ? groups : `All ${groups}`;
  const sum = chosen.reduce((sum, { count }) => sum + count, 0);
  return `${number(chosen.length)} of ${groups}, ${number(sum)} ${sum === 1 ? 'finding' : 'findings'}`;
}
