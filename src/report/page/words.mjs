// Formats numbers, times and names.

export function number(value) {
  return value.toLocaleString('en');
}

/** `3`, or `>256` if there are more than were counted. */
export function processCount({ count, exact }) {
  return (exact ? '' : '>') + number(count);
}

export function moment(time) {
  return time === undefined || time === '' ? '\u2013' : time.slice(0, 19).replace('T', ' ');
}

export function duration(seconds) {
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

/** `group` for 1, else `groups`. */
export function groupsTitle(count) {
  return count === 1 ? 'group' : 'groups';
}

/** The longest path or name in a cell of a table, in columns. */
const MOST = 60;

/** Cuts out the middle: both ends of a path are informative. Chinese, Japanese, Korean and emoji take two columns. */
export function shortened(text, most = MOST) {
  const characters = [...text];
  if (columnsOf(characters) <= most) return text;
  const half = (most - 1) / 2;
  const end = fitting([...characters].reverse(), half).reverse();
  return `${fitting(characters, half).join('')}\u2026${end.join('')}`;
}

function fitting(characters, columns) {
  let taken = 0;
  const end = characters.findIndex(character => {
    taken += columnsOf([character]);
    return taken > columns;
  });
  return characters.slice(0, end < 0 ? characters.length : end);
}

function columnsOf(characters) {
  return characters.reduce((sum, character) => sum + (character >= '\u1100' ? 2 : 1), 0);
}
