/**
 * mapping_regex: a regex of a rule (mapping_re2.h), compiled, and the search with limits.
 *
 * PCRE2 tries one way after another; for some regexes (`(a+)+$`) the number of ways doubles with
 * each byte.  Steps, depth and memory of a search are therefore limited.  At the limit the search
 * is given up: the regex does not match, and the scratch counts it.  The longer the name, the fewer
 * steps for each byte at which a match might begin: for names of up to 4,000 bytes the worst is 4
 * million steps in all.  A regex that does what it should takes some hundred.
 *
 *   thread   any, each with a scratch of its own
 */
#ifndef AGGREGATE_MAPPING_REGEX_H
#define AGGREGATE_MAPPING_REGEX_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/slice.h"

struct mapping_regex;

/**
 * mapping_regex_new(text, fold, ret, why):
 *   fold     ignore case, as if (?i) stood in front
 *   returns  0; -EINVAL, then what is wrong was appended to why
 */
int mapping_regex_new(const char *text, bool fold, struct mapping_regex **ret, struct buf *why);
void mapping_regex_free(struct mapping_regex *re); /* NULL is fine */

unsigned mapping_regex_groups(const struct mapping_regex *re);

/* The number of the nth group, from 0, of that name; < 0: fewer groups have it. */
int32_t mapping_regex_group(const struct mapping_regex *re, struct slice name, size_t nth);
size_t mapping_regex_memory(const struct mapping_regex *re);

struct mapping_regex_scratch;

/* For regexes of at most `groups` groups.  divisor: of the steps that there are; 1: all */
struct mapping_regex_scratch *mapping_regex_scratch_new(unsigned groups, unsigned divisor);
void mapping_regex_scratch_free(struct mapping_regex_scratch *s); /* NULL is fine */
uint64_t mapping_regex_limit_hits(const struct mapping_regex_scratch *s);
size_t mapping_regex_scratch_memory(unsigned groups);

/**
 * mapping_regex_find(re, s, name, captures):
 *   name      valid UTF-8
 *   captures  room for one more than re has groups; on a match all are set, those that took no
 *             part to a NULL ptr
 *   returns   it matches somewhere in name
 */
bool mapping_regex_find(const struct mapping_regex *re, struct mapping_regex_scratch *s,
                        struct slice name, struct slice *captures);

#endif
