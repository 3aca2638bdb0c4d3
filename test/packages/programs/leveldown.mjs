import { promisify } from 'node:util';
import leveldown from 'leveldown';
import { printChildFds } from './child-fds.mjs';

const database = leveldown('database');
await promisify(database.open.bind(database))({});
printChildFds();
await promisify(database.close.bind(database))();
