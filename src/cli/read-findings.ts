// Reads the findings in report files, for commands that need each record.

import type { ReportRecord } from '../findings/record';
import { createRecordParser } from '../report/parse-records';
import { type Input, readInputs } from './input-files';

export interface FindingsRead {
  readonly records: number;
  /** About inputs that could not be read to their ends, or that have no findings. */
  readonly problems: string[];
}

/** `source`: see GroupsCounter. */
export async function readFindings(
  inputs: readonly Input[],
  onRecord: (record: ReportRecord, source: number) => void,
): Promise<FindingsRead> {
  let source = 0;
  let records = 0;
  const parser = createRecordParser(record => {
    records++;
    onRecord(record, source);
  });
  const problems = await readInputs(inputs, {
    onLine: (line, isTooLong, from) => {
      source = from;
      parser.readLine(line, isTooLong);
    },
    recordsSoFar: () => records,
  });
  const { lines } = parser.result();
  if (lines > 0 && records === 0) problems.push(`expected findings, found none in ${lines} lines`);
  return { records, problems };
}
