import { writeFileSync } from 'node:fs';
import { Runner } from '@digitak/esrun';

writeFileSync('typed.ts', 'const text: string = "hello"; process.send(text);');
const runner = new Runner('typed.ts', { interProcessCommunication: true });
await runner.execute({ exitAfterExecution: false });
console.log(runner.output);
