import path = require('node:path');

/** The package's dist/. Compiled, this file is in dist/src/base/; bundled, it is in dist/register/. */
export const DIST = path.dirname(path.basename(__dirname) === 'base' ? path.dirname(__dirname) : __dirname);
