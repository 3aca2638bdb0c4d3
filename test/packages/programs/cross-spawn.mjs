import spawn from 'cross-spawn';

const child = spawn(process.execPath, ['echo.mjs'], { stdio: ['inherit', 'inherit', 'inherit', 'ipc'] });
child.on('message', message => console.log(message));
