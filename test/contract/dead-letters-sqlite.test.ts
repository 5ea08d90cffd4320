import { deadLettersContract } from './dead-letters-suite.ts';

deadLettersContract('sqlite');
