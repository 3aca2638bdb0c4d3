import { copyFileSync } from 'node:fs';
import { printChildFds } from './child-fds.mjs';

// What its install script does.
const scope = '../../node_modules/@ladybugdb';
copyFileSync(`${scope}/core-linux-x64/lbugjs.node`, `${scope}/core/lbugjs.node`);
const { Connection, Database } = await import('@ladybugdb/core');

const database = new Database('database');
const connection = new Connection(database);
await connection.query('CREATE NODE TABLE Person(name STRING PRIMARY KEY)');
printChildFds();
await connection.close();
await database.close();
