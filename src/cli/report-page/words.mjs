// Numbers, times and names as the page writes them.

export function number(value) {
  return value.toLocaleString('en');
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

/** In the middle: both ends of a path say something. */
export function shortened(text, most) {
  const characters = [...text];
  if (characters.length <= most) return text;
  const half = Math.floor((most - 1) / 2);
  return `${characters.slice(0, half).join('')}\u2026${characters.slice(-half).join('')}`;
}
