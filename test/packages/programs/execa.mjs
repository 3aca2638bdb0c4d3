import { execa, execaNode } from 'execa';

const { stdout } = await execa(process.execPath, ['-p', '"run"']);
const child = execaNode({ reject: false })`echo.mjs`;
console.log(stdout, await child.getOneMessage());
await child;
