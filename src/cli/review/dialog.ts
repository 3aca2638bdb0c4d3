// closefds learn --review: asks about one group after the other, and writes each rule at once, so that a review
// can be ended at any question and taken up again.

import { createInterface } from 'node:readline';
import { escapeControlChars } from '../../base/sanitize';
import type { Policy } from '../../policy/rule';
import type { Settings } from '../../policy/settings';
import type { Group } from '../../report/aggregate';
import { narrowerRules, type OpenGroups, type ReviewItem, reviewItems } from '../../report/review-items';
import type { LearnOptions, ProposedRule } from '../../report/suggest-rules';
import { type Decided, decisionsFileOf, readDecisions, writeDecisions } from './decisions-file';
import { indent, itemToText, narrowerToText, rulesToText, withFdsToText } from './item-text';

export interface ReviewOptions extends Omit<LearnOptions, 'policy'> {
  readonly groups: readonly Group[];
  /** Reads the config anew: an editor may change it between two questions. */
  readonly load: () => Loaded;
  readonly insertRules: (file: string, rules: readonly ProposedRule[], at: number) => void;
}

interface Loaded {
  readonly settings: Settings;
  readonly file: string;
  readonly policy: Policy;
}

type Outcome = 'allowed' | 'denied' | 'to be changed to withFds()' | 'skipped';

/** The answer that ends the review, and what the end of the input counts as. */
const QUIT = 'q';

const NARROWEST = 40;
const WIDEST = 100;
const USUAL = 80;

export async function review(options: ReviewOptions): Promise<void> {
  const terminal = createTerminal();
  try {
    await new Review(options, terminal).run();
  } finally {
    terminal.close();
  }
}

class Review {
  readonly #options: ReviewOptions;
  readonly #terminal: Terminal;
  /** What this review has asked about. */
  readonly #asked = new Map<string, Outcome>();
  readonly #decisions: Map<string, Decided>;
  readonly #decisionsFile: string;

  constructor(options: ReviewOptions, terminal: Terminal) {
    this.#options = options;
    this.#terminal = terminal;
    this.#decisionsFile = decisionsFileOf(options.load().file);
    this.#decisions = new Map(readDecisions(this.#decisionsFile));
  }

  async run(): Promise<void> {
    let items = this.#open();
    while (items[0] !== undefined) {
      const outcome = await this.#decide(items[0], items.length);
      if (outcome === undefined) break;
      this.#asked.set(items[0].key, outcome);
      items = this.#open();
    }
    this.#summarize(items.length);
  }

  #all(): OpenGroups {
    return reviewItems(this.#options.groups, { ...this.#options, policy: this.#options.load().policy });
  }

  #open(): ReviewItem[] {
    return this.#all().items.filter(({ key }) => !this.#asked.has(key) && !this.#decisions.has(key));
  }

  /** undefined: the review ends here. */
  async #decide(item: ReviewItem, left: number): Promise<Outcome | undefined> {
    const { print, width } = this.#terminal;
    const position = `${this.#asked.size + 1} of ${this.#asked.size + left}`;
    let { rules } = item;
    print(itemToText(item, position, width()));
    for (;;) {
      const narrower = narrowerRules(rules, item.group);
      switch (await this.#choose(rules.length > 0, narrower.length > 0)) {
        case 'a':
          this.#write(item, rules);
          return 'allowed';
        case 'n': {
          print(narrowerToText(narrower, width()));
          const choice = await this.#number(narrower.length);
          rules = narrower[choice - 1]?.rules ?? rules;
          print(rulesToText(rules));
          break;
        }
        case 'd': {
          const denying = rules.map(rule => ({ ...rule, effect: 'deny' as const }));
          print(rulesToText(denying));
          if (!(await this.#confirms())) break;
          this.#write(item, denying);
          return 'denied';
        }
        case 'w':
          print(withFdsToText(item, width()));
          this.#remember(item, 'withFds');
          return 'to be changed to withFds()';
        case 's':
          return 'skipped';
        default:
          return undefined;
      }
    }
  }

  #choose(hasRules: boolean, hasNarrower: boolean): Promise<string> {
    const words = [
      ...(hasRules ? ['allow'] : []),
      ...(hasNarrower ? ['narrow'] : []),
      ...(hasRules ? ['deny'] : []),
      ...['withFds', 'skip', 'quit'],
    ];
    const question = words.map(word => `(${word[0]})${word.slice(1)}`).join('  ');
    return this.#ask(question, answer => words.find(word => isMeant(word, answer))?.[0], words.join(', '));
  }

  async #number(most: number): Promise<number> {
    const question = `Which one, 1 to ${most}? Nothing leaves the rule as it is`;
    const parse = (answer: string) =>
      answer === '' || (/^\d{1,6}$/.test(answer) && Number(answer) >= 1 && Number(answer) <= most)
        ? answer
        : undefined;
    return Number(await this.#ask(question, parse, `a number from 1 to ${most}, or nothing`));
  }

  async #confirms(): Promise<boolean> {
    const words = ['yes', 'no'];
    const parse = (answer: string) => words.find(word => isMeant(word, answer));
    return (await this.#ask('Add this rule? (y)es  (n)o', parse, words.join(' or '))) === 'yes';
  }

  /** Asks until the answer can be parsed. */
  async #ask(
    question: string,
    parse: (answer: string) => string | undefined,
    expected: string,
  ): Promise<string> {
    for (;;) {
      const answer = await this.#terminal.ask(question);
      if (answer === undefined) return QUIT;
      const parsed = parse(answer.trim());
      if (parsed !== undefined) return parsed;
      this.#terminal.print(escapeControlChars(`Expected ${expected}, found "${answer.trim()}".`));
    }
  }

  #write(item: ReviewItem, rules: readonly ProposedRule[]): void {
    const { settings, file } = this.#options.load();
    const at = settings.config.rules.findIndex(({ source }) => source === item.before);
    this.#options.insertRules(file, rules, at === -1 ? settings.config.rules.length : at);
    this.#terminal.print(`Added to ${file}.`);
    // A narrower rule leaves a part of the group open, and that was decided, too.
    if (this.#all().items.some(({ key }) => key === item.key)) this.#remember(item, 'narrowed');
  }

  #remember({ key, summary }: ReviewItem, decision: Decided['decision']): void {
    const day = new Date().toISOString().slice(0, 10);
    this.#decisions.set(key, { decision, callSite: summary.callSite, day });
    writeDecisions(this.#decisionsFile, this.#decisions);
    this.#terminal.print(`Noted in ${this.#decisionsFile}: the next review does not ask about it.`);
  }

  #summarize(left: number): void {
    const { print, width } = this.#terminal;
    const outcomes = [...this.#asked.values()];
    const counts = [...new Set(outcomes)].map(
      outcome => `${outcomes.filter(one => one === outcome).length} ${outcome}`,
    );
    print(
      `\n${[...counts, `${left} left`].join(', ')}.${left > 0 ? ' The same command takes the review up again.' : ''}`,
    );
    const { items, unnamed } = this.#all();
    const toChange = items.filter(({ key }) => this.#decisions.get(key)?.decision === 'withFds');
    if (toChange.length > 0) print(`To be changed to withFds() (${toChange.length}):`);
    for (const { summary } of toChange)
      print(indent(`${summary.callSite}: ${summary.what}`, width()).join('\n'));
    if (unnamed > 0) print(`No rule can name ${unnamed} more: "closefds learn" without --review lists them.`);
  }
}

/** Its first letter, or the word, in any case. */
function isMeant(word: string, answer: string): boolean {
  const given = answer.toLowerCase();
  return given !== '' && (given === word[0]?.toLowerCase() || given === word.toLowerCase());
}

interface Terminal {
  readonly print: (text: string) => void;
  /** undefined at the end of the input, and after Ctrl-C. */
  readonly ask: (question: string) => Promise<string | undefined>;
  /** Columns. */
  readonly width: () => number;
  readonly close: () => void;
}

function createTerminal(): Terminal {
  const { stdin, stdout } = process;
  const isTerminal = stdin.isTTY === true && stdout.isTTY === true;
  const readline = createInterface({ input: stdin, output: stdout, terminal: isTerminal });
  readline.on('SIGINT', () => readline.close());
  const lines = readline[Symbol.asyncIterator]();
  return {
    print: text => void stdout.write(`${text}\n`),
    async ask(question) {
      readline.setPrompt(`\n${question}: `);
      readline.prompt();
      const { value, done } = await lines.next();
      if (done || !isTerminal) stdout.write('\n');
      return done ? undefined : value;
    },
    width: () => Math.max(NARROWEST, Math.min(WIDEST, stdout.columns ?? USUAL)),
    close: () => readline.close(),
  };
}
