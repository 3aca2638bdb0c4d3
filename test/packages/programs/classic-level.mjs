import { ClassicLevel } from 'classic-level';
import { printChildFds } from './child-fds.mjs';

const database = new ClassicLevel('database');
await database.open();
printChildFds();
await database.close();
