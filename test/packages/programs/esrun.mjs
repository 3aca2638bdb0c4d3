import { writeFileSync } from 'node:fs';
import { Runner } from '@digitak/esrun';

writeFileSync('typed.ts', 'const text: string = "hello"; process.send(text);');
const runner = new Runner('typed.ts', { interProcessCommunication: true });
await runner.build();
await runner.execute();
console.log(runner.output);
// Its build context stays open.
process.exit();
