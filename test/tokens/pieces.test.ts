// Cutting long text: linear, never inside a character, never below the exact count.

import { get_encoding } from '@dqbd/tiktoken';
import t from 'tap';
import { ENCODINGS } from '../../src/kernel/encoding.js';
import { countPieces, pieceEnds, PIECE_UNITS_MAX } from '../../src/tokens/pieces.js';

function piecesOf(text: string): string[] {
  let start = 0;
  return [...pieceEnds(text)].map((end) => {
    const piece = text.slice(start, end);
    start = end;
    return piece;
  });
}

/** A small seeded generator, for text that looks like base64. */
function noise(units: number, alphabet: string): string {
  let state = 20_261_125;
  let text = '';
  while (text.length < units) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    text += alphabet[(state >>> 16) % alphabet.length] ?? '';
  }
  return text;
}

const BASE64 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
const PROSE = "It wasn't 3 o'clock; the quick fox (12,345 of them) jumped, и он ушёл.\nNext line. ";

t.test('short text is one piece, and none is no piece', async (t) => {
  t.same(piecesOf(''), []);
  t.same(piecesOf('x'.repeat(2_048)).length, 1);
  t.ok(piecesOf('x'.repeat(2_049)).length > 1);
});

t.test('pieces are short, whole and in order', async (t) => {
  for (const text of [
    PROSE.repeat(60),
    noise(5_000, BASE64),
    '😀'.repeat(3_000),
    'a😀'.repeat(2_000),
  ]) {
    const pieces = piecesOf(text);
    t.equal(pieces.join(''), text);
    t.ok(pieces.every((piece) => piece !== '' && piece.length <= PIECE_UNITS_MAX));
    t.notOk(
      pieces.some((piece) => /^[\uDC00-\uDFFF]/.test(piece)),
      'no surrogate pair is cut',
    );
  }
});

t.test('two million of one letter are encoded once', async (t) => {
  for (const text of ['a'.repeat(2 << 20), '😀'.repeat(1 << 20)]) {
    let encoded = 0;
    countPieces(text, () => ++encoded);
    t.equal(encoded, 1);
  }
});

t.test('twice the text is twice the work, whatever it holds', async (t) => {
  for (const unit of ['<|endoftext|>', noise(1_000, BASE64), 'a b', '\n', PROSE]) {
    const work = (units: number): number => {
      let encodedUnits = 0;
      countPieces(unit.repeat(units / unit.length), (piece) => {
        return (encodedUnits += piece.length);
      });
      return encodedUnits;
    };
    t.ok(
      work(100_000) <= work(50_000) * 2 + 2 * PIECE_UNITS_MAX,
      JSON.stringify(unit.slice(0, 20)),
    );
  }
});

t.test('the sum over pieces is never below the exact count', async (t) => {
  const texts = {
    prose: PROSE.repeat(40),
    base64: noise(3_000, BASE64),
    genome: noise(3_000, 'ACGT'),
    lower: noise(3_000, 'abcdefghijklmnopqrstuvwxyz'),
    digits: noise(3_000, '0123456789'),
    spaces: noise(3_000, ' \n\t'),
    special: '<|endoftext|>'.repeat(250),
    emoji: '👍🏽'.repeat(1_500),
    chinese: noise(3_000, '日本語中文字的一是不了人'),
    letter: 'a'.repeat(3_000),
  };
  for (const encoding of ENCODINGS) {
    const encoder = get_encoding(encoding);
    const countOf = (text: string): number => encoder.encode(text, [], []).length;
    for (const [kind, text] of Object.entries(texts)) {
      const exact = countOf(text);
      const counted = countPieces(text, countOf);
      t.ok(counted >= exact, `${encoding} ${kind}: ${counted} for ${exact}`);
      t.ok(counted <= exact * 1.05, `${encoding} ${kind} is at most 5 % over`);
    }
    t.equal(countPieces(texts.prose, countOf), countOf(texts.prose), 'spaced words stay exact');
    encoder.free();
  }
});
