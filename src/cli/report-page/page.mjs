// The script of the page that `closefds report --html` makes. Plain JavaScript: it runs as it is here.
//
// The data is text of other people. It becomes text nodes and attributes without meaning, never HTML.

'use strict';

const data = JSON.parse(document.getElementById('data').textContent);
const DISPOSITIONS = ['passed', 'closed', 'refused'];
const DISPOSITION_NAMES = Object.fromEntries(DISPOSITIONS.map(name => [name, name]));
const KINDS = { stray: 'stray', fd: 'open FD', pipe: 'pipe', ipc: 'message channel' };
const PAGE_SIZE = 100;
const SHOWN_ROWS = 12;
const DIAGRAM = { width: 1000, room: 330, thickness: 10, gap: 10 };

const COLUMNS = [
  { key: 'count', title: 'Findings', isNumber: true },
  { key: 'processes', title: 'Processes', isNumber: true },
  { key: 'became', title: 'Became' },
  { key: 'kind', title: 'What' },
  { key: 'target', title: 'Target' },
  { key: 'caller', title: 'Caller' },
  { key: 'command', title: 'Commands' },
  { key: 'used', title: 'Use' },
  { key: 'last', title: 'Last seen', isNumber: true },
];

/** Of a group; empty ones are left out of the data. */
const TALLIES = [
  ...['accesses', 'announcements', 'atStart', 'candidates', 'childFds', 'codes', 'commands', 'dispositions'],
  ...['effects', 'launchers', 'modes', 'openers', 'routes', 'rules', 'targets', 'types', 'verdicts'],
];

const groups = data.byCaller.map(toRow);
const state = {
  sort: 'count',
  descending: true,
  page: 0,
  filters: { text: '', became: '', kind: '', caller: '', used: '' },
};
const places = buildPage(document.getElementById('main'));
if (groups.length > 0) update();

// ---------------------------------------------------------------------------------------------
// The data, as it is shown
// ---------------------------------------------------------------------------------------------

function toRow(given) {
  const group = { ...given };
  for (const name of TALLIES) group[name] ??= { values: [], other: 0 };
  const { caller, dispositions, kind, count } = group;
  const row = {
    group,
    count,
    processes: group.processes.count,
    became: dispositions.values.map(({ value }) => value),
    kind: kind ?? '',
    fds: listOf(group.childFds),
    target: group.target ?? '',
    openers: openersOf(group),
    caller: callerTitle(caller),
    place: placeOf(caller),
    commands: commandsOf(group),
    used: usedTitle(group.used),
    last: group.last ?? '',
    passed: countOf(dispositions, 'passed'),
  };
  row.opener = row.openers.map(({ value }) => value).join(', ');
  row.command = row.commands.map(({ value }) => value).join(', ');
  const texts = [row.caller, row.place, row.kind, row.target, row.opener, row.command];
  const more = [group.targets, group.codes, group.rules, group.launchers, group.announcements].flatMap(
    valuesOf,
  );
  row.text = [...texts, ...more].join('\n').toLowerCase();
  return row;
}

function callerTitle(caller) {
  if (caller === undefined) return 'unknown';
  if (caller.package === '.') return 'the app';
  if (caller.package === '?') return 'code without a file';
  const title = caller.version === undefined ? caller.package : `${caller.package}@${caller.version}`;
  return caller.declaredName === undefined ? title : `${title} (package "${caller.declaredName}")`;
}

function placeOf(caller) {
  if (caller === undefined) return '';
  const isInstalled = caller.package !== '.' && caller.package !== '?';
  const file = (isInstalled ? caller.fileInPackage : undefined) ?? caller.file;
  if (file === undefined) return '';
  return caller.line === undefined ? file : `${file}:${caller.line}`;
}

/** Who opened a stray; what has no name is told apart by when it was there. */
function openersOf({ kind, openers, atStart, count }) {
  if (kind !== 'stray') return [];
  const named = openers.values.map(({ value, count }) => ({ value, count }));
  if (openers.other > 0) named.push({ value: 'other packages', count: openers.other });
  const rest = count - named.reduce((sum, { count }) => sum + count, 0);
  const inherited = Math.min(rest, countOf(atStart, true));
  if (inherited > 0) named.push({ value: 'inherited at start', count: inherited });
  if (rest > inherited) named.push({ value: 'unknown', count: rest - inherited });
  return named;
}

function commandsOf({ commands }) {
  return commands.other > 0
    ? [...commands.values, { value: 'other commands', count: commands.other }]
    : commands.values;
}

function usedTitle(used) {
  if (used === undefined) return '';
  return used === true ? 'used' : used === false ? 'not used' : 'unknown';
}

function valuesOf(tally) {
  return tally.values.map(({ value }) => String(value));
}

function listOf(tally) {
  return valuesOf(tally).join(', ') + (tally.other > 0 ? ' ...' : '');
}

function countOf(tally, wanted) {
  return tally.values.find(({ value }) => value === wanted)?.count ?? 0;
}

// ---------------------------------------------------------------------------------------------
// The page
// ---------------------------------------------------------------------------------------------

function buildPage(main) {
  const places = {
    flows: element('div'),
    openers: element('div'),
    groups: element('div', { class: 'wide' }),
    pages: element('nav', { class: 'pages', 'aria-label': 'Pages of the table' }),
    status: element('p', { class: 'status', role: 'status' }),
  };
  if (groups.length === 0)
    main.append(
      ...notices(),
      element('p', { class: 'notice good' }, [
        'As far as these files tell, nothing was passed without a rule, and nothing had to be closed.',
      ]),
    );
  else
    main.append(
      tiles(),
      ...notices(),
      section('time', 'Over time', timeline()),
      filterBar(places.status),
      section('flows', 'Who passes what to whom', places.flows),
      section('openers', 'Strays by who most likely opened them', places.openers),
      section('groups', 'Groups', places.groups, places.pages),
    );
  if (data.bySelf.length > 0) main.append(section('self', 'About closefds itself', selfTable()));
  return places;
}

function section(id, title, ...content) {
  return element('section', { id, 'aria-labelledby': `${id}-title` }, [
    element('h2', { id: `${id}-title` }, [title]),
    ...content,
  ]);
}

function tiles() {
  const { total } = data;
  const about = total.processes.exact ? '' : 'about ';
  const all = [
    ['findings', number(total.count), ''],
    ...DISPOSITIONS.map(name => [name, number(countOf(total.dispositions, name)), name]),
    [total.processes.count === 1 ? 'process' : 'processes', about + number(total.processes.count), ''],
    ['groups', number(data.byCaller.length), ''],
  ];
  const list = all.map(([name, value, sort]) =>
    element('div', { class: `tile ${sort}` }, [element('dt', {}, [name]), element('dd', {}, [value])]),
  );
  return element('dl', { class: 'tiles', 'aria-label': 'Sums' }, list);
}

function notices() {
  const texts = [];
  if (data.other.records > 0)
    texts.push(
      `${number(data.other.count)} findings are of groups for which there was no room: the sums above have them, the tables do not.`,
    );
  if (data.skipped !== undefined) texts.push(data.skipped);
  return texts.map(text => element('p', { class: 'notice' }, [text]));
}

// ---------------------------------------------------------------------------------------------
// Filters
// ---------------------------------------------------------------------------------------------

function filterBar(status) {
  const callers = [...new Set(groups.map(({ caller }) => caller))].sort();
  const controls = {
    text: element('input', {
      type: 'search',
      placeholder: 'path, package, command ...',
      autocomplete: 'off',
    }),
    became: choice([['', 'anything'], ...DISPOSITIONS.map(name => [name, name])]),
    kind: choice([['', 'any'], ...Object.entries(KINDS)]),
    caller: choice([['', 'anybody'], ...callers.map(name => [name, name])]),
    used: choice([['', 'any'], ...['used', 'not used', 'unknown'].map(name => [name, name])]),
  };
  const labels = { text: 'Search', became: 'What became', kind: 'Kind', caller: 'Caller', used: 'Use' };
  for (const [name, control] of Object.entries(controls))
    control.addEventListener('input', () => setFilter(name, control.value));
  const reset = element('button', { type: 'button' }, ['Reset']);
  reset.addEventListener('click', () => {
    for (const [name, control] of Object.entries(controls)) {
      control.value = '';
      state.filters[name] = '';
    }
    state.page = 0;
    update();
    controls.text.focus();
  });
  const fields = Object.entries(controls).map(([name, control]) =>
    element('label', { class: `field ${name}` }, [element('span', {}, [labels[name]]), control]),
  );
  const form = element('form', { class: 'filters', role: 'search', 'aria-label': 'Filter the groups' }, [
    ...fields,
    reset,
    status,
  ]);
  form.addEventListener('submit', event => event.preventDefault());
  filterBar.controls = controls;
  return form;
}

function choice(options) {
  return element(
    'select',
    {},
    options.map(([value, title]) => element('option', { value }, [title])),
  );
}

function setFilter(name, value) {
  state.filters[name] = name === 'text' ? value.trim().toLowerCase() : value;
  state.page = 0;
  update();
}

function filterBy(name, value) {
  filterBar.controls[name].value = value;
  setFilter(name, value);
  document.getElementById('groups-title').scrollIntoView({ block: 'start' });
}

function chosen() {
  const { text, became, kind, caller, used } = state.filters;
  return groups.filter(
    row =>
      (became === '' || row.became.includes(became)) &&
      (kind === '' || row.kind === kind) &&
      (caller === '' || row.caller === caller) &&
      (used === '' || row.used === used) &&
      (text === '' || row.text.includes(text)),
  );
}

function update() {
  const rows = chosen();
  const sum = rows.reduce((sum, { count }) => sum + count, 0);
  const isAll = rows.length === groups.length;
  places.status.textContent = isAll
    ? `All ${number(groups.length)} groups`
    : `${number(rows.length)} of ${number(groups.length)} groups, ${number(sum)} ${sum === 1 ? 'finding' : 'findings'}`;
  places.flows.replaceChildren(...flows(rows));
  places.openers.replaceChildren(...openers(rows));
  showGroups(rows);
}

// ---------------------------------------------------------------------------------------------
// Callers and commands
// ---------------------------------------------------------------------------------------------

function flows(rows) {
  const callers = new Map();
  for (const row of rows) {
    const flow = callers.get(row.caller) ?? newFlow();
    callers.set(row.caller, flow);
    flow.count += row.count;
    flow.groups++;
    for (const { value, count } of row.commands) {
      addTo(flow.commands, value, count);
      addTo(row.passed > 0 ? flow.passed : flow.stopped, value, count);
    }
    for (const { value, count } of row.group.dispositions.values) addTo(flow.became, value, count);
  }
  if (callers.size === 0) return [nothing()];
  const sorted = [...callers].sort(
    byCount(
      ([, { count }]) => count,
      ([name]) => name,
    ),
  );
  return [diagram(sorted), flowTable(sorted)];
}

function newFlow() {
  const maps = ['commands', 'passed', 'stopped', 'became'].map(name => [name, new Map()]);
  return { count: 0, groups: 0, ...Object.fromEntries(maps) };
}

function flowTable(sorted) {
  const most = sorted[0][1].count;
  const rows = sorted.map(([name, { count, groups, commands, became }]) => {
    const filter = element(
      'button',
      { type: 'button', class: 'link', title: 'Show the groups of this caller' },
      [name],
    );
    filter.addEventListener('click', () => filterBy('caller', name));
    const all = [...commands].sort(
      byCount(
        ([, count]) => count,
        ([name]) => name,
      ),
    );
    const chips = all
      .slice(0, SHOWN_ROWS)
      .map(([name, count]) => element('li', {}, [element('code', {}, [name]), ` ${number(count)}`]));
    if (all.length > SHOWN_ROWS)
      chips.push(element('li', {}, [`and ${number(all.length - SHOWN_ROWS)} more`]));
    return [
      { head: true, content: [filter] },
      { content: [element('ul', { class: 'chips' }, chips)] },
      { content: [bar(became, most)] },
      { content: [number(count)], class: 'number' },
      { content: [number(groups)], class: 'number' },
    ];
  });
  return foldedTable({
    caption: 'Callers, and the commands they start with more than stdio',
    titles: ['Caller', 'Commands', 'What became', 'Findings', 'Groups'],
    rows,
    shown: SHOWN_ROWS,
  });
}

/** Ribbons from callers to commands. The table below says the same in text, so this is a picture. */
function diagram(sorted) {
  const ribbons = ribbonsOf(sorted);
  const total = ribbons.reduce((sum, { count }) => sum + count, 0);
  if (total === 0) return element('div');
  const [left, right] = ['caller', 'command'].map(side => {
    const sums = new Map();
    for (const ribbon of ribbons) addTo(sums, ribbon[side], ribbon.count);
    const isOther = name => name === `other ${side}s`;
    return new Map([...sums].sort(([a], [b]) => isOther(a) - isOther(b)));
  });
  const height = Math.max(left.size, right.size) * 38;
  const [from, to] = [left, right].map(side => stack(side, total, height));
  const picture = svg(
    'svg',
    { viewBox: `0 -26 ${DIAGRAM.width} ${height + 28}`, class: 'flows', role: 'img' },
    [
      svg('title', {}, [`${number(left.size)} callers and the ${number(right.size)} commands they start`]),
      ...ribbons.map(ribbon => drawn(ribbon, from.get(ribbon.caller), to.get(ribbon.command))),
      ...nodes(from, DIAGRAM.room, -8, 'end'),
      ...nodes(to, DIAGRAM.width - DIAGRAM.room - DIAGRAM.thickness, DIAGRAM.thickness + 8, 'start'),
      svg('text', { class: 'side', x: DIAGRAM.room, y: -12, 'text-anchor': 'end' }, ['callers']),
      svg('text', { class: 'side', x: DIAGRAM.width - DIAGRAM.room, y: -12 }, ['commands']),
    ],
  );
  const names = { passed: 'of groups that passed something', stopped: 'of groups that passed nothing' };
  return element('div', { class: 'diagram' }, [picture, legend(names)]);
}

/** Of many callers and commands the largest have their names, and the others are one. */
function ribbonsOf(sorted) {
  const sums = new Map();
  for (const [, { commands }] of sorted) for (const [name, count] of commands) addTo(sums, name, count);
  const commands = [...sums]
    .sort(
      byCount(
        ([, count]) => count,
        ([name]) => name,
      ),
    )
    .map(([name]) => name);
  const callers = sorted.map(([name]) => name);
  const shownOf = (names, name, others) => (names.indexOf(name) < SHOWN_ROWS ? name : others);

  const ribbons = new Map();
  for (const [name, flow] of sorted) {
    for (const command of commands) {
      for (const fate of ['passed', 'stopped']) {
        const count = flow[fate].get(command) ?? 0;
        if (count === 0) continue;
        const ends = [shownOf(callers, name, 'other callers'), shownOf(commands, command, 'other commands')];
        const key = JSON.stringify([...ends, fate]);
        const ribbon = ribbons.get(key) ?? { caller: ends[0], command: ends[1], fate, count: 0 };
        ribbons.set(key, ribbon);
        ribbon.count += count;
      }
    }
  }
  return [...ribbons.values()];
}

/** Places one above the other, as large as their counts; the smallest still has room for its name. */
function stack(sums, total, height) {
  const free = height - DIAGRAM.gap * (sums.size - 1);
  const least = Math.min(22, free / sums.size);
  const spare = free - least * sums.size;
  let y = 0;
  return new Map(
    [...sums].map(([name, count]) => {
      const place = { y, size: least + (spare * count) / total, count, taken: 0 };
      y += place.size + DIAGRAM.gap;
      return [name, place];
    }),
  );
}

function drawn({ caller, command, fate, count }, from, to) {
  const [x1, x2] = [DIAGRAM.room + DIAGRAM.thickness, DIAGRAM.width - DIAGRAM.room - DIAGRAM.thickness];
  const [top1, bottom1] = take(from, count);
  const [top2, bottom2] = take(to, count);
  const middle = (x1 + x2) / 2;
  const d =
    `M${x1} ${top1}C${middle} ${top1} ${middle} ${top2} ${x2} ${top2}` +
    `V${bottom2}C${middle} ${bottom2} ${middle} ${bottom1} ${x1} ${bottom1}Z`;
  return svg('path', { d, class: `ribbon bar-${fate}` }, [tip(`${caller} to ${command}: ${number(count)}`)]);
}

function take(place, count) {
  const top = place.y + place.taken;
  place.taken += (place.size * count) / place.count;
  return [top, place.y + place.taken];
}

function nodes(places, x, beside, anchor) {
  return [...places].flatMap(([name, { y, size, count }]) => [
    svg('rect', { x, y, width: DIAGRAM.thickness, height: size, class: 'node' }, [
      tip(`${name}: ${number(count)}`),
    ]),
    svg('text', { x: x + beside, y: y + size / 2, dy: '0.35em', 'text-anchor': anchor }, [
      shortened(name, 34),
      tip(name),
    ]),
  ]);
}

// ---------------------------------------------------------------------------------------------
// Openers
// ---------------------------------------------------------------------------------------------

function openers(rows) {
  const all = new Map();
  for (const row of rows) {
    for (const { value, count } of row.openers) {
      const opener = all.get(value) ?? { count: 0, targets: new Map() };
      all.set(value, opener);
      opener.count += count;
      addTo(opener.targets, row.target || 'unknown', count);
    }
  }
  if (all.size === 0) return [nothing('No strays here.')];
  const sorted = [...all].sort(
    byCount(
      ([, { count }]) => count,
      ([name]) => name,
    ),
  );
  const most = sorted[0][1].count;
  const table = foldedTable({
    caption: 'An FD does not say who opened it: these packages are loaded and known for such files',
    titles: ['Opener', 'Files', 'Share', 'Findings'],
    rows: sorted.map(([name, { count, targets }]) => {
      const known = [...targets].sort(
        byCount(
          ([, count]) => count,
          ([name]) => name,
        ),
      );
      const files = known.slice(0, 4).map(([target]) => element('li', {}, [element('code', {}, [target])]));
      if (known.length > 4) files.push(element('li', {}, [`and ${number(known.length - 4)} more`]));
      return [
        { head: true, content: [name] },
        { content: [element('ul', { class: 'chips' }, files)] },
        { content: [bar(new Map([['stray', count]]), most)] },
        { content: [number(count)], class: 'number' },
      ];
    }),
    shown: SHOWN_ROWS,
  });
  return [table];
}

// ---------------------------------------------------------------------------------------------
// Time
// ---------------------------------------------------------------------------------------------

function timeline() {
  const { start, seconds, series } = data.timeline;
  if (start === undefined) return nothing();
  const box = element('div');
  const choose = choice([
    ['', 'strays and designated FDs'],
    ['stray', 'strays'],
    ['designated', 'designated FDs'],
  ]);
  const draw = () => {
    const chosen = series.filter(({ sort }) => choose.value === '' || sort === choose.value);
    const buckets = chosen[0].counts.map((_, index) => ({
      time: new Date(Date.parse(start) + index * seconds * 1000).toISOString(),
      counts: DISPOSITIONS.map(name =>
        chosen.reduce((sum, one) => sum + (one.disposition === name ? one.counts[index] : 0), 0),
      ),
    }));
    box.replaceChildren(chart(buckets), timeTable(buckets, seconds));
  };
  choose.addEventListener('input', draw);
  draw();
  return element('div', {}, [
    element('div', { class: 'row' }, [
      element('label', { class: 'field' }, [element('span', {}, ['Show']), choose]),
      legend(DISPOSITION_NAMES),
    ]),
    box,
  ]);
}

function chart(buckets) {
  const [width, height] = [1000, 160];
  const most = Math.max(1, ...buckets.map(({ counts }) => counts.reduce((a, b) => a + b)));
  const step = width / buckets.length;
  const bars = buckets.flatMap(({ time, counts }, index) => {
    let y = height;
    return counts.flatMap((count, which) => {
      if (count === 0) return [];
      // What is there is seen.
      const size = Math.max(2, (height * count) / most);
      y -= size;
      const name = DISPOSITIONS[which];
      const place = { x: index * step + step * 0.08, y: Math.max(0, y), width: step * 0.84, height: size };
      return [
        svg('rect', { ...place, class: `bar-${name}` }, [tip(`${moment(time)}: ${number(count)} ${name}`)]),
      ];
    });
  });
  const sum = buckets.reduce((sum, { counts }) => sum + counts.reduce((a, b) => a + b), 0);
  const picture = svg(
    'svg',
    { viewBox: `0 0 ${width} ${height}`, class: 'chart', role: 'img', preserveAspectRatio: 'none' },
    [
      svg('title', {}, [
        `${number(sum)} findings over time, at most ${number(most)} at once; the table below has the numbers`,
      ]),
      ...bars,
    ],
  );
  return element('div', { class: 'chart-box' }, [
    element('p', { class: 'most' }, [number(most)]),
    picture,
    element('p', { class: 'axis' }, [
      element('span', {}, [moment(buckets[0].time)]),
      element('span', {}, [moment(buckets.at(-1).time)]),
    ]),
  ]);
}

function timeTable(buckets, seconds) {
  const rows = buckets
    .filter(({ counts }) => counts.some(count => count > 0))
    .map(({ time, counts }) => [
      { head: true, content: [moment(time)] },
      ...counts.map(count => ({ content: [number(count)], class: 'number' })),
    ]);
  return element('details', {}, [
    element('summary', {}, ['The numbers']),
    table({
      caption: `Findings for each ${duration(seconds)}, where there are any`,
      titles: ['From', ...DISPOSITIONS],
      rows,
    }),
  ]);
}

function legend(names) {
  return element(
    'ul',
    { class: 'legend' },
    Object.entries(names).map(([name, title]) =>
      element('li', {}, [element('span', { class: `swatch bar-${name}` }), title]),
    ),
  );
}

function duration(seconds) {
  const units = [
    ['day', 86_400],
    ['hour', 3600],
    ['minute', 60],
    ['second', 1],
  ];
  const [unit, size] = units.find(([, size]) => seconds >= size);
  const value = Math.round((seconds / size) * 10) / 10;
  return value === 1 ? unit : `${value} ${unit}s`;
}

// ---------------------------------------------------------------------------------------------
// Groups
// ---------------------------------------------------------------------------------------------

function showGroups(rows) {
  const sorted = [...rows].sort(compareRows);
  const pages = Math.max(1, Math.ceil(sorted.length / PAGE_SIZE));
  state.page = Math.min(state.page, pages - 1);
  const from = state.page * PAGE_SIZE;
  const visible = sorted.slice(from, from + PAGE_SIZE);
  places.groups.replaceChildren(sorted.length === 0 ? nothing() : groupTable(visible, from, sorted.length));
  places.pages.replaceChildren(...(pages > 1 ? pageButtons(pages, from, visible.length, sorted.length) : []));
}

function compareRows(a, b) {
  const [x, y] = [a, b].map(row => (state.sort === 'became' ? row.became.join() : row[state.sort]));
  const order = typeof x === 'number' ? x - y : x < y ? -1 : x > y ? 1 : 0;
  return (state.descending ? -order : order) || b.count - a.count;
}

function groupTable(rows, from, total) {
  const caption = `Groups ${number(from + 1)} to ${number(from + rows.length)} of ${number(total)}: one place in the code, one kind, one target`;
  const head = COLUMNS.map(({ key, title, isNumber }) => {
    const isSorted = state.sort === key;
    const arrow = isSorted ? (state.descending ? '\u2193' : '\u2191') : '';
    const button = element('button', { type: 'button', class: 'sort', 'data-sort': key }, [
      title,
      element('span', { class: 'arrow', 'aria-hidden': 'true' }, [arrow]),
    ]);
    button.addEventListener('click', () => sortBy(key, isNumber === true));
    const order = isSorted ? (state.descending ? 'descending' : 'ascending') : 'none';
    return element(
      'th',
      { scope: 'col', role: 'columnheader', 'aria-sort': order, class: isNumber ? 'number' : '' },
      [button],
    );
  });
  head.push(
    element('th', { scope: 'col', role: 'columnheader' }, [
      element('span', { class: 'hidden' }, ['Details']),
    ]),
  );
  const body = rows.flatMap((row, index) => groupRows(row, from + index));
  return element('table', { class: 'groups', role: 'table' }, [
    element('caption', {}, [caption]),
    element('thead', { role: 'rowgroup' }, [element('tr', { role: 'row' }, head)]),
    element('tbody', { role: 'rowgroup' }, body),
  ]);
}

function sortBy(key, isNumber) {
  state.descending = state.sort === key ? !state.descending : isNumber;
  state.sort = key;
  state.page = 0;
  showGroups(chosen());
  // The table is a new one; who sorts again should not have to find the button again.
  document.querySelector(`[data-sort="${key}"]`)?.focus();
}

function groupRows(row, index) {
  const { group } = row;
  const id = `group-${index}`;
  const toggle = element(
    'button',
    {
      type: 'button',
      'aria-expanded': 'false',
      'aria-controls': id,
      'aria-label': `Details of ${row.caller}, ${row.kind} ${row.target}`,
    },
    ['Details'],
  );
  const details = element('tr', { id, class: 'details', role: 'row' });
  details.hidden = true;
  toggle.addEventListener('click', () => {
    details.hidden = !details.hidden;
    toggle.setAttribute('aria-expanded', String(!details.hidden));
    if (!details.hidden && details.childElementCount === 0)
      details.append(element('td', { colspan: COLUMNS.length + 1, role: 'cell' }, [detailList(row)]));
  });
  const what = [KINDS[row.kind] ?? 'nothing', row.fds === '' ? '' : ` as FD ${row.fds}`].join('');
  const cells = [
    [number(row.count), 'number'],
    [(group.processes.exact ? '' : 'about ') + number(row.processes), 'number'],
    [
      element(
        'span',
        { class: 'badges' },
        row.became.map(name => element('span', { class: `badge ${name}` }, [name])),
      ),
    ],
    [what],
    [element('code', {}, [row.target || '\u2013'])],
    [
      element('span', {}, [
        element('strong', {}, [row.caller]),
        element('br'),
        element('code', { class: 'dim' }, [row.place]),
      ]),
    ],
    [element('code', {}, [shortList(row.commands)])],
    [row.used || '\u2013'],
    [moment(row.last), 'number'],
    [toggle],
  ].map(([content, name], column) => {
    const isHead = COLUMNS[column]?.key === 'caller';
    return element(
      isHead ? 'th' : 'td',
      {
        class: name ?? '',
        role: isHead ? 'rowheader' : 'cell',
        ...(isHead && { scope: 'row' }),
        'data-title': COLUMNS[column]?.title ?? '',
      },
      [element('div', {}, [content])],
    );
  });
  return [element('tr', { role: 'row' }, cells), details];
}

function detailList({ group, place, openers }) {
  const { first, last, function: name } = { ...group, ...group.caller };
  const facts = [
    ['Place', place + (name === undefined ? '' : ` in ${name}()`)],
    ['File', group.caller?.file],
    ['Seen', `${moment(first)} to ${moment(last)} UTC`],
    ['What became', group.dispositions],
    ['The candidate would have it', group.candidates],
    ['Targets', group.targets],
    ['Type', group.types],
    ['Access', group.accesses],
    ['FD in the child', group.childFds],
    ['Most likely opened by', { values: openers, other: 0 }],
    ['Commands', group.commands],
    ['Functions called', group.routes],
    ['Through', group.launchers],
    ['The child is told by', group.announcements],
    ['Decided by', group.rules],
    ['Seen by audits', group.verdicts],
    ['Modes', group.modes],
    ['Codes', group.codes],
  ];
  const items = facts.flatMap(([title, fact]) => {
    if (fact === undefined || fact === '') return [];
    if (typeof fact === 'string') return [element('dt', {}, [title]), element('dd', {}, [fact])];
    if (fact.values.length === 0 && fact.other === 0) return [];
    const values = fact.values.map(({ value, count }) =>
      element('li', {}, [element('code', {}, [String(value)]), ` ${number(count)}`]),
    );
    if (fact.other > 0) values.push(element('li', {}, [`others ${number(fact.other)}`]));
    return [element('dt', {}, [title]), element('dd', {}, [element('ul', { class: 'chips' }, values)])];
  });
  return element('dl', { class: 'facts' }, items);
}

function pageButtons(pages, from, shown, total) {
  const button = (title, page) => {
    const made = element('button', { type: 'button', ...((page < 0 || page >= pages) && { disabled: '' }) }, [
      title,
    ]);
    made.addEventListener('click', () => {
      state.page = page;
      showGroups(chosen());
      const heading = document.getElementById('groups-title');
      heading.tabIndex = -1;
      heading.focus();
    });
    return made;
  };
  return [
    button('Previous', state.page - 1),
    element('span', {}, [`${number(from + 1)} to ${number(from + shown)} of ${number(total)}`]),
    button('Next', state.page + 1),
  ];
}

function selfTable() {
  return table({
    caption: 'What closefds reports of itself',
    titles: ['Code', 'What happened', 'Findings', 'Processes', 'Last seen'],
    rows: data.bySelf.map(({ code, what, count, processes, last }) => [
      { head: true, content: [element('code', {}, [code])] },
      { content: [what] },
      { content: [number(count)], class: 'number' },
      { content: [number(processes.count)], class: 'number' },
      { content: [moment(last)], class: 'number' },
    ]),
  });
}

// ---------------------------------------------------------------------------------------------
// Parts
// ---------------------------------------------------------------------------------------------

/** The first few rows, and a button for the others. */
function foldedTable({ caption, titles, rows, shown }) {
  const made = table({ caption, titles, rows: rows.slice(0, shown) });
  if (rows.length <= shown) return made;
  const more = element('button', { type: 'button', class: 'more' }, [`Show all ${number(rows.length)}`]);
  const box = element('div', {}, [made, more]);
  more.addEventListener('click', () => {
    const all = table({ caption, titles, rows });
    box.replaceChildren(all);
    // Focus goes to the first row that is new.
    const next = all.tBodies[0].rows[shown];
    next.tabIndex = -1;
    next.focus();
  });
  return box;
}

function table({ caption, titles, rows }) {
  const isNumber = index => rows[0]?.[index]?.class === 'number';
  const head = titles.map((title, index) =>
    element('th', { scope: 'col', role: 'columnheader', class: isNumber(index) ? 'number' : '' }, [title]),
  );
  const body = rows.map(cells =>
    element(
      'tr',
      { role: 'row' },
      cells.map(({ head, content, class: name = '' }, index) =>
        element(
          head ? 'th' : 'td',
          {
            class: name,
            'data-title': titles[index],
            role: head ? 'rowheader' : 'cell',
            ...(head && { scope: 'row' }),
          },
          [element('div', {}, content)],
        ),
      ),
    ),
  );
  return element('table', { role: 'table' }, [
    element('caption', {}, [caption]),
    element('thead', { role: 'rowgroup' }, [element('tr', { role: 'row' }, head)]),
    element('tbody', { role: 'rowgroup' }, body),
  ]);
}

/** Parts of a whole, beside others of their table. */
function bar(parts, most) {
  const shown = [...parts].filter(([, count]) => count > 0);
  const text = shown.map(([name, count]) => `${number(count)} ${name}`).join(', ');
  const pieces = shown.map(([name, count]) => {
    const piece = element('span', { class: `bar-${name}` });
    piece.style.width = `${Math.max(0.5, (count / most) * 100)}%`;
    return piece;
  });
  return element('div', { class: 'bar', role: 'img', 'aria-label': text, title: text }, pieces);
}

function nothing(text = 'Nothing here.') {
  return element('p', { class: 'dim' }, [text]);
}

function shortList(tally) {
  const names = tally.slice(0, 3).map(({ value }) => value);
  return names.join(', ') + (tally.length > 3 ? ` and ${tally.length - 3} more` : '') || '\u2013';
}

/** In the middle: both ends of a path say something. */
function shortened(text, most) {
  const characters = [...text];
  if (characters.length <= most) return text;
  const half = Math.floor((most - 1) / 2);
  return `${characters.slice(0, half).join('')}\u2026${characters.slice(-half).join('')}`;
}

function number(value) {
  return value.toLocaleString('en');
}

function moment(time) {
  return time === undefined || time === '' ? '\u2013' : time.slice(0, 19).replace('T', ' ');
}

function addTo(map, key, count) {
  map.set(key, (map.get(key) ?? 0) + count);
}

function byCount(count, name) {
  return (a, b) => count(b) - count(a) || (name(a) < name(b) ? -1 : 1);
}

function tip(text) {
  return svg('title', {}, [text]);
}

function element(name, attributes = {}, content = []) {
  return filled(document.createElement(name), attributes, content);
}

function svg(name, attributes = {}, content = []) {
  return filled(document.createElementNS('http://www.w3.org/2000/svg', name), attributes, content);
}

/** Strings become text nodes. */
function filled(made, attributes, content) {
  for (const [key, value] of Object.entries(attributes))
    if (value !== '' || key === 'value' || key === 'disabled') made.setAttribute(key, String(value));
  made.append(...content);
  return made;
}
