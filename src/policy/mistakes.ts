// Collects what is wrong in the settings, so that one start reports all of it.

import { ClosefdsError } from '../base/errors';

export class Mistakes {
  readonly #errors: ClosefdsError[] = [];

  /** Returns undefined where `parse` throws ERR_CLOSEFDS_CONFIG, and keeps that error. */
  attempt<T>(parse: () => T): T | undefined {
    try {
      return parse();
    } catch (error) {
      if (!(error instanceof ClosefdsError)) throw error;
      this.#errors.push(error);
      return undefined;
    }
  }

  /** Throws one ERR_CLOSEFDS_CONFIG with all that was kept; its `cause` is the list of the messages. */
  throwIfAny(): void {
    const [first, ...more] = this.#errors;
    if (first === undefined) return;
    if (more.length === 0) throw first;
    const texts = this.#errors.flatMap(({ message, cause }) => (Array.isArray(cause) ? cause : [message]));
    throw new ClosefdsError(
      'ERR_CLOSEFDS_CONFIG',
      `${texts.length} mistakes:\n${texts.map(text => `  ${text}`).join('\n')}`,
      { cause: texts },
    );
  }
}
