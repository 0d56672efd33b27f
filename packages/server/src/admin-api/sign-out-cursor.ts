/** A place in a list of sign-outs, as an opaque text. */
import type { SignOutCursor } from './list-sign-outs.ts'

export function cursorText({ committedAt, id }: SignOutCursor): string {
  return Buffer.from(`${committedAt} ${id}`).toString('base64url')
}

export function cursorFrom(text: string): SignOutCursor | undefined {
  const match = /^(\d{1,16}) (so_[\w-]{1,64})$/.exec(Buffer.from(text, 'base64url').toString())
  return match ? { committedAt: Number(match[1]), id: match[2] as string } : undefined
}
