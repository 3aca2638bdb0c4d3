import { mkdirSync } from 'node:fs';
import lmdb from 'node-lmdb';
import { printChildFds } from './child-fds.mjs';

mkdirSync('database');
const environment = new lmdb.Env();
environment.open({ path: 'database' });
const database = environment.openDbi({ name: null, create: true });
printChildFds();
database.close();
environment.close();
