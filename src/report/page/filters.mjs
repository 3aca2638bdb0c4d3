// The form that filters the rows.

import { NEEDING } from './decisions.mjs';
import { choice, element, isNarrow } from './parts.mjs';
import { KINDS } from './row.mjs';
import { DISPOSITIONS, STATES } from './tally.mjs';
import { groupsTitle, number } from './words.mjs';

/** Rows for which the candidate policy would do something else. */
const TRIED = 'candidate';

/** All kinds but strays. */
const DESIGNATED = 'designated';

const NEEDED = 'needs a decision';

const TESTS = {
  text: (row, wanted) => row.text.includes(wanted.trim().toLowerCase()),
  state: (row, wanted) => (wanted === NEEDED ? NEEDING.includes(row.state) : row.state === wanted),
  outcome: (row, wanted) => (wanted === TRIED ? row.candidate.length > 0 : row.outcomes.includes(wanted)),
  kind: (row, wanted) => (wanted === DESIGNATED ? !['', 'stray'].includes(row.kind) : row.kind === wanted),
  service: (row, wanted) => row.service === wanted,
  host: (row, wanted) => row.hosts.includes(wanted),
  caller: (row, wanted) => row.caller === wanted,
  used: (row, wanted) => row.used === wanted,
};

/** Calls `onChange` with the rows that pass the filters. */
export function createFilters(rows, onChange) {
  const controls = controlsOf(rows);
  const status = element('p', { class: 'status', role: 'status' }, [statusOf(rows, rows)]);
  const reset = element('button', { type: 'button' }, ['Reset']);
  const fields = Object.entries(controls).map(([name, { title, control }]) => {
    control.dataset.key = `filter ${name}`;
    return element('label', { class: `field ${name}` }, [element('span', {}, [title]), control]);
  });
  const fold = element('button', { type: 'button', 'data-key': 'filters', 'aria-controls': 'more-filters' }, [
    'Filters',
  ]);
  const folded = element('div', { id: 'more-filters', class: 'fields' }, [...fields.slice(1), reset]);
  const form = element('form', { class: 'filters', role: 'search', 'aria-label': 'Filter the groups' }, [
    element('div', { class: 'fields' }, [fields[0], fold]),
    folded,
    status,
  ]);
  showFields(!isNarrow());
  fold.addEventListener('click', () => showFields(folded.hidden));
  form.addEventListener('input', update);
  form.addEventListener('submit', event => event.preventDefault());
  reset.addEventListener('click', () => {
    for (const { control } of Object.values(controls)) control.value = '';
    update();
    controls.text.control.focus();
  });
  return { form, choose };

  function showFields(isShown) {
    folded.hidden = !isShown;
    fold.setAttribute('aria-expanded', String(isShown));
  }

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
  const services = [...new Set(rows.map(({ service }) => service))].filter(Boolean).sort();
  const hosts = [...new Set(rows.flatMap(row => row.hosts))].sort();
  const outcome = [['', 'any'], ...same(DISPOSITIONS)];
  if (rows.some(({ candidate }) => candidate.length > 0)) outcome.push([TRIED, 'candidate differs']);
  const search = { type: 'search', placeholder: 'path, package, command ...', autocomplete: 'off' };
  return {
    text: { title: 'Search', control: element('input', search) },
    state: { title: 'State', control: choice([['', 'any'], ...same([NEEDED, ...STATES])]) },
    outcome: { title: 'Outcome', control: choice(outcome) },
    kind: {
      title: 'Kind',
      control: choice([['', 'any'], [DESIGNATED, 'all designated'], ...Object.entries(KINDS)]),
    },
    ...(services.length > 1 && {
      service: { title: 'Service', control: choice([['', 'any'], ...same(services)]) },
    }),
    ...(hosts.length > 1 && { host: { title: 'Host', control: choice([['', 'any'], ...same(hosts)]) } }),
    caller: { title: 'Who', control: choice([['', 'any'], ...same(callers)]) },
    used: {
      title: 'Use',
      control: choice([['', 'any'], ...same(['used', 'likely used', 'not used', 'unknown'])]),
    },
  };
}

function statusOf(chosen, rows) {
  const groups = `${number(rows.length)} ${groupsTitle(rows.length)}`;
  if (chosen.length === rows.length) return rows.length === 1 ? groups : `All ${groups}`;
  const sum = chosen.reduce((sum, { count }) => sum + count, 0);
  return `${number(chosen.length)} of ${groups}, ${number(sum)} ${sum === 1 ? 'finding' : 'findings'}`;
}
