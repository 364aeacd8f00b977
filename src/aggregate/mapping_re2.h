/**
 * mapping_re2: a regex as RE2 (and so Go, and statsd_exporter) reads it, written down for PCRE2.
 *
 * PCRE2 knows more than RE2, and gives some of what both know another meaning.  So its pattern is
 * not the text that was written, but is made from it item by item: what RE2 does not know (looking
 * around, backreferences, possessive and atomic groups, recursion, conditions, verbs, \K \R \Z ...)
 * has no item; characters, classes and escapes become plain characters and ranges.  What is left
 * has one meaning in both:
 *
 *     RE2                        for PCRE2
 *     [[:alpha:]\s-]             [\x{41}-\x{5a}\x{61}-\x{7a}\x{9}-\x{a}\x{c}-\x{d}\x{20}\-]
 *     (?P<who>\QA+\E)\z          (A\+)\z
 *     \pN\p{Greek}               \p{N}\p{sc:Greek}
 *
 * The syntax is that of Go's regexp/syntax with the flags of regexp.Compile.  What differs:
 * a repetition directly behind a change of flags or an empty \Q\E, `a(?i)*`, is refused; \p{Lu},
 * \p{Ll} and \p{Lt} under (?i) are any letter that has case; scripts are those of PCRE2's edition
 * of Unicode; a repeated group whose last round matched nothing, `(a*)*`, holds that nothing.
 *
 *   thread   any (no state)
 */
#ifndef AGGREGATE_MAPPING_RE2_H
#define AGGREGATE_MAPPING_RE2_H

#include "base/buf.h"
#include "base/slice.h"

struct mapping_re2_group {
    struct slice name; /* borrowed from the text */
    unsigned number;
};

struct mapping_re2 {
    struct buf pattern; /* for PCRE2: UTF; LF alone ends a line; `$` is the end only */
    struct mapping_re2_group *named;
    size_t n_named, cap_named;
    unsigned groups; /* with and without a name */
};

/**
 * mapping_re2_read(text, ret, why):
 *   ret      to be released, also on error
 *   returns  0; -EINVAL, then what is wrong and where was appended to why
 */
int mapping_re2_read(const char *text, struct mapping_re2 *ret, struct buf *why);
void mapping_re2_release(struct mapping_re2 *re); /* { 0 } is fine */

#endif
