// One entry of the compat table against what is published. Pure: the tarballs are read by evidence.mjs.
import semver from 'semver';

/** How far a text may stand from its line: a formatter's worth. */
const NEAR = 3;

/** What has to be found in tarballs to verify an entry: `[{ name, version, file, shows }]`. */
export function questionsOf(name, entry, listed) {
  const { evidence, ends } = entry;
  const isPublished = ({ version }) => listed.error === undefined && listed.all.includes(version);
  const last = newestOf(evidence);
  return [
    ...evidence.map(({ version, file, shows }) => ({ name, version, file, shows })),
    ...(ends === undefined
      ? []
      : last.map(({ file, shows }) => ({ name, version: ends.version, file, shows }))),
    ...newerVersions(entry, listed).flatMap(version => last.map(({ shows }) => ({ name, version, shows }))),
  ].filter(isPublished);
}

/**
 * `{ status, why, newest }`. `listed` is `{ all, latest }`, the package's versions, or `{ error, isGone }`. With `write`,
 * the entry's `line` and missing `integrity` are filled in.
 */
export function verifyEntry(name, entry, { listed, find, write }) {
  if (listed.error !== undefined) return unavailable(listed, 'no versions: ');
  const look = (version, place) => {
    if (!listed.all.includes(version)) return { error: `version ${version} is not published`, isGone: true };
    return find({ name, version, ...place });
  };
  for (const evidence of entry.evidence) {
    const problem = verifyEvidence(evidence, look, write);
    if (problem !== undefined) return problem;
  }
  return verifyEnd(entry, look, write) ?? verifyNewer(entry, listed, look);
}

/** The rows of evidence about the newest version. */
export function newestOf(evidence) {
  const last = evidence
    .map(({ version }) => version)
    .sort(semver.compare)
    .at(-1);
  return evidence.filter(({ version }) => version === last);
}

/** What is gone makes the evidence wrong. What could not be fetched says nothing. */
function unavailable({ error, isGone }, at) {
  return { status: isGone ? 'evidence wrong' : 'not checked', why: `${at}${error}` };
}

// ---------------------------------------------------------------------------------------------
// What was seen, still there?
// ---------------------------------------------------------------------------------------------

function verifyEvidence(evidence, look, write) {
  const { version, file, shows } = evidence;
  const at = `${version} ${file}:${evidence.line}: `;
  const found = look(version, { file, shows });
  if (found.error !== undefined) return unavailable(found, at);

  if (write) evidence.integrity ??= found.integrity;
  if (evidence.integrity !== found.integrity)
    return { status: 'evidence wrong', why: `${at}the tarball is ${found.integrity}` };
  if (found.lines.some(line => Math.abs(line - evidence.line) <= NEAR)) return undefined;
  if (write && found.lines.length === 1) {
    evidence.line = found.lines[0];
    return undefined;
  }
  if (found.lines.length > 0)
    return { status: 'evidence moved', why: `${at}now at line ${found.lines.join(', ')}` };
  if (found.holders.length > 0)
    return { status: 'evidence moved', why: `${at}now in ${found.holders.join(', ')}` };
  return { status: 'evidence wrong', why: `${at}${JSON.stringify(shows)} is not in the tarball` };
}

/** The version in which it ended must not have it. */
function verifyEnd({ ends, evidence }, look, write) {
  if (ends === undefined) return undefined;
  const at = `ends in ${ends.version}: `;
  for (const { file, shows } of newestOf(evidence)) {
    const found = look(ends.version, { file, shows });
    if (found.error !== undefined) return unavailable(found, at);
    if (write) ends.integrity ??= found.integrity;
    if (ends.integrity !== found.integrity)
      return { status: 'evidence wrong', why: `${at}the tarball is ${found.integrity}` };
    if (found.lines.length > 0)
      return { status: 'evidence wrong', why: `${at}${file} still has ${JSON.stringify(shows)}` };
  }
  return undefined;
}

// ---------------------------------------------------------------------------------------------
// What was published since?
// ---------------------------------------------------------------------------------------------

/**
 * The newest version inside the range, and the newest of all unless the entry says where it ended. What is
 * above the version that npm installs (the tag `latest`) was published by mistake, or is an experiment.
 */
function newerVersions({ range, ends, evidence }, listed) {
  if (listed.error !== undefined) return [];
  const isOffered = version =>
    semver.prerelease(version) === null &&
    (semver.prerelease(listed.latest) !== null || semver.lte(version, listed.latest));
  const stable = listed.all.filter(isOffered).sort(semver.compare);
  const inside = stable.filter(version => semver.satisfies(version, range)).at(-1);
  const beyond = ends === undefined ? stable.at(-1) : undefined;
  const last = newestOf(evidence)[0].version;
  return [...new Set([inside, beyond])].filter(version => version !== undefined && semver.gt(version, last));
}

function verifyNewer(entry, listed, look) {
  let result = { status: 'ok' };
  for (const version of newerVersions(entry, listed)) {
    result = compare(version, newestOf(entry.evidence), look);
    if (result.status !== 'unverified newer version') break;
  }
  return result;
}

function compare(version, last, look) {
  for (const { shows } of last) {
    const found = look(version, { shows });
    if (found.error !== undefined) return unavailable(found, `${version}: `);
    if (found.holders.length === 0)
      return {
        status: 'no longer passes',
        why: `${version} lacks ${JSON.stringify(shows)}`,
        newest: version,
      };
  }
  return { status: 'unverified newer version', why: `${version} has the same text`, newest: version };
}
