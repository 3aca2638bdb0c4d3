// What a database leaves open reaches programs that never heard of it.
import { execFileSync } from 'node:child_process';
import { ClassicLevel } from 'classic-level';

const database = new ClassicLevel('database');
await database.open();
execFileSync(process.env.GIT, ['--version']);
execFileSync('ls', ['/']);
await database.close();
