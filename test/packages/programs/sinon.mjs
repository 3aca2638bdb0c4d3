// A spy calls through: the program is the caller.
import childProcess from 'node:child_process';
import sinon from 'sinon';

sinon.spy(childProcess, 'spawn');
const child = childProcess.spawn(process.execPath, ['echo.mjs'], { stdio: [0, 1, 2, 'ipc'] });
child.on('message', message => console.log(message));
