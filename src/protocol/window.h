/**
 * window: the fastest reader of the most common lines, out of registers.  Private to protocol/.
 *
 * Masks of 64 bytes, of ':' and of all that a line may be cut at, stay in registers; no list of
 * positions is written or read.  A line of a common shape is done when its third mark is its LF;
 * otherwise the marks are walked, however far.  In UTF-8 the line's end is looked for first.  Value
 * and rate are read by number, and the identity is hashed, with as few branches as the line's
 * content allows.
 *
 * Reads lines as plain.h does, and those with several values or non-ASCII bytes, with names of up
 * to 127 bytes, tags of up to 1,024 and numbers of up to 15 digits.  A variant for each kind of
 * CPU; all need AES instructions (base/hash_pair.h), and datagrams with readable bytes around them
 * (PARSE_PAD_BEFORE, PARSE_PAD_BEHIND).
 */
#ifndef PROTOCOL_WINDOW_H
#define PROTOCOL_WINDOW_H

#include "protocol/parser.h"

/*
 * The reader that goes with the scan variant of that name, on this CPU; NULL: none.  It does what
 * plain_lines does, but neither reads p's lists nor moves them on; and on return p->at may stand at
 * a line that plain_lines would read.
 */
window_fn window_of(const char *variant);

#endif
