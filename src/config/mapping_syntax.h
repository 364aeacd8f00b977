/**
 * mapping_syntax: what may be written as match, name and label key, and what was
 * probably meant by what may not.
 *   thread   any (no state)
 */
#ifndef CONFIG_MAPPING_SYNTAX_H
#define CONFIG_MAPPING_SYNTAX_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/slice.h"

/* returns  NULL; else what is wrong with it, as the end of a sentence about it */
const char *mapping_syntax_glob(struct slice match);

/* The same for a name.  Template references are allowed in it. */
const char *mapping_syntax_name(struct slice name);

/* returns  NULL; else what is wrong with it */
const char *mapping_syntax_label_key(struct slice key);

/* The largest n of the references $n and ${n} in a template; 0: none, or $0 alone. */
unsigned mapping_syntax_references(struct slice template);

/**
 * mapping_syntax_regex(glob, references, out):
 * Append the regex that does what was meant by a glob that is none.  Each * in it takes no dot;
 * ** takes anything.
 *   references   as many captures have to keep their numbers; 0: only what * inside of words takes
 *                is captured
 */
void mapping_syntax_regex(struct slice glob, unsigned references, struct buf *out);

/* Whether it has a sign that only a regex has. */
bool mapping_syntax_looks_like_regex(struct slice match);

/* How many groups of a regex capture; SIZE_MAX: not known, as it quotes with \Q. */
size_t mapping_syntax_groups(struct slice regex);

/* Whether a group of the regex has that name. */
bool mapping_syntax_has_group(struct slice regex, struct slice name);

/* Append s as a text of YAML in double quotes. */
void mapping_syntax_quote(struct slice s, struct buf *out);

/* Append s with each byte that a name cannot have as '_'.  Template references stay. */
void mapping_syntax_repair(struct slice s, struct buf *out);

#endif
