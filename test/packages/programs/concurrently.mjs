import concurrently from 'concurrently';

const { commands, result } = concurrently([{ command: `'${process.execPath}' echo.mjs`, ipc: 3 }], {
  outputStream: process.stderr,
});
commands[0].messages.incoming.subscribe(({ message }) => console.log(message));
await result;
