import forever from 'forever-monitor';

const monitor = new forever.Monitor('echo.mjs', { fork: true, max: 1, silent: true });
monitor.on('message', message => console.log(message));
monitor.start();
