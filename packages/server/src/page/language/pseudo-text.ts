/** The pseudo-language: readable English with accents and 40 % more length, to find texts that do not fit. */

const plain = 'aceilnorsuyACEILNORSUY'
const accented = 'åçéîļñöŕšûýÅÇÉÎĻÑÖŔŠÛÝ'

export function pseudoText(text: string): string {
  const letters = [...text].map((letter) => accented[plain.indexOf(letter)] ?? letter).join('')
  const words = text.trim()
  if (words.length < 2) return letters
  return letters.replace(/\S(?=\s*$)/, (last) => last + '·'.repeat(Math.ceil(words.length * 0.4)))
}
