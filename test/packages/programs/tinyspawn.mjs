// It passes on the options that it is given.
import tinyspawn from 'tinyspawn';

const child = tinyspawn(process.execPath, ['echo.mjs'], { stdio: [0, 1, 2, 'ipc'] });
child.on('message', message => console.log(message));
child.catch(() => {});
