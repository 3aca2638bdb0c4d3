import nodemon from 'nodemon';

nodemon({ script: 'echo.mjs', watch: ['echo.mjs'], stdin: false })
  .on('message', message => {
    // It tells of its own doings in the same way.
    if (message === 'hello') console.log(message);
  })
  .once('exit', () => process.exit());
