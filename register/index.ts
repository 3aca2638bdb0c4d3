import { install } from '../src/install';

install();
