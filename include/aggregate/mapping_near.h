/**
 * mapping_near: rules that nearly match a name, for people.
 *
 *     struct mapping_near *n = mapping_near_new(m);
 *     while (mapping_near_prepare(n))                             a regex each
 *         ...
 *     mapping_near_miss(n, name, class, match.rule, &rule, &why)  for any number of names
 *
 * A regex is looked at twice, once without regard to case.  For that it is compiled a second time,
 * which costs as much as some hundred searches: once, before the first name.
 *   thread   one; the mapping is borrowed
 */
#ifndef AGGREGATE_MAPPING_NEAR_H
#define AGGREGATE_MAPPING_NEAR_H

#include "aggregate/mapping.h"

struct mapping_near;

struct mapping_near *mapping_near_new(const struct mapping *m);
void mapping_near_free(struct mapping_near *n); /* NULL is fine */

/* Compile one more.  returns  false: all are
 *   cost     some 50 us */
bool mapping_near_prepare(struct mapping_near *n);

size_t mapping_near_regexes(const struct mapping_near *n); /* that are compiled by now */

/**
 * mapping_near_miss(n, name, c, match, ret, why):
 * The rule that would have matched name but for one thing: the class, the case of letters, a few
 * letters of one component, a component too many or too few, or one component (in this order: what
 * is easiest overlooked comes first; then more literals in common, then first declared).  If a rule
 * does match, only a rule that would have won over it is one, and only for its class or case.
 *   n         prepared
 *   match     what mapping_find says of name, or NULL
 *   ret, why  untouched when there is none; else why gets a short text, without the rule's match
 *   returns   there is one
 *   cost      grows with the number of rules, and allocates: for people, not for samples
 */
bool mapping_near_miss(struct mapping_near *n, struct slice name, enum mapping_class c,
                       const struct mapping_rule *match, const struct mapping_rule **ret,
                       struct buf *why);

#endif
