import { open } from 'lmdb';
import { printChildFds } from './child-fds.mjs';

const database = open({ path: 'database' });
await database.put('a', 1);
printChildFds();
await database.close();
