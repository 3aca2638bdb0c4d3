import { foregroundChild } from 'foreground-child';

foregroundChild(process.execPath, ['echo.mjs']);
