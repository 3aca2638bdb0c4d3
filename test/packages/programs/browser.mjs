// How the browser is started: headless, as root too, and without a look at the network.
export const PAGE = 'data:text/html,<title>hello</title>';

export function browserOptions() {
  return {
    executablePath: process.env.CHROMIUM,
    headless: true,
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
    ],
  };
}
