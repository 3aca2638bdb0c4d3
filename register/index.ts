import { install } from '../src/preload/install';

install();
