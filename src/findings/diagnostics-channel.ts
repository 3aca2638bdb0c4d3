// The diagnostics channel on which findings are published.

export const CHANNEL = 'closefds:finding';
