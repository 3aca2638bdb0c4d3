import { runTypeScript } from './run-typescript.mjs';

runTypeScript(['--import', 'tsx']);
