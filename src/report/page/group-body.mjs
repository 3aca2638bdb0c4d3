// All that is known of a group: sentence, evidence, rule and facts. Both the cards and the table show it.

import { cut, element } from './parts.mjs';
import { moment, number } from './words.mjs';

export function groupBody(row) {
  const { sentence, evidence, ruleText } = row.group;
  const parts = [element('p', { class: 'sentence' }, [`${sentence}.`])];
  if (evidence.length > 0)
    parts.push(
      element(
        'ul',
        { class: 'evidence' },
        evidence.map(text => element('li', {}, [text])),
      ),
    );
  if (ruleText !== undefined) parts.push(ruleToCopy(ruleText));
  return parts;
}

function ruleToCopy(text) {
  const rule = element('code', {}, [text]);
  const copy = element('button', { type: 'button' }, ['Copy the rule']);
  const done = element('span', { role: 'status', class: 'dim' });
  copy.addEventListener('click', async () => {
    done.textContent = (await copied(text, rule)) ? 'Copied.' : 'Selected: copy it with the keyboard.';
  });
  return element('div', { class: 'rule' }, [
    element('p', { class: 'dim' }, ['The rule that would allow it; the reason is yours to write:']),
    element('pre', {}, [rule]),
    element('div', { class: 'row-start' }, [copy, done]),
  ]);
}

/** Without a clipboard the text is selected. */
async function copied(text, shown) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    getSelection().selectAllChildren(shown);
    return false;
  }
}

export function factList({ group, tallies, place, openers, caller }) {
  const { first, last, function: name } = { ...group, ...group.caller };
  // The row names openers that have no name, too.
  const counted = { ...group, openers: { values: openers, other: 0 } };
  const facts = [
    ['Who', caller],
    ['Place', place + (name === undefined ? '' : ` in ${name}()`)],
    ['File', runningFile(group.caller)],
    ['Target', group.target],
    ['Seen', `${moment(first)} to ${moment(last)} UTC`],
    ...tallies.filter(({ title }) => title !== undefined).map(({ name, title }) => [title, counted[name]]),
  ];
  return element(
    'dl',
    { class: 'facts' },
    facts.flatMap(([title, fact]) => factItem(title, fact)),
  );
}

/** With its line where the place above is that of the source. */
function runningFile(caller) {
  if (caller?.source === undefined || caller.line === undefined) return caller?.file;
  return `${caller.file}:${caller.line}:${caller.column ?? 0}`;
}

function factItem(title, fact) {
  if (fact === undefined || fact === '') return [];
  const term = element('dt', {}, [title]);
  if (typeof fact === 'string') return [term, element('dd', {}, [fact])];
  if (fact.values.length === 0 && fact.other === 0) return [];
  const values = fact.values.map(({ value, count }) =>
    element('li', {}, [element('code', {}, [String(value)]), ` ${number(count)}`]),
  );
  if (fact.other > 0) values.push(element('li', {}, [`others ${number(fact.other)}`]));
  return [term, element('dd', {}, [element('ul', { class: 'chips' }, values)])];
}

/** `stray 20 /data/LOCK`, in few characters. */
export function shortTarget({ kind, fds, target }, most) {
  const title = [kind || 'nothing', fds].filter(Boolean).join(' ');
  return element('span', {}, target === '' ? [title] : [`${title} `, cut(target, most)]);
}
