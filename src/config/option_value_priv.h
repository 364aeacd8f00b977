/**
 * option_value_priv: what option_value.c and option_value_print.c share.
 */
#ifndef CONFIG_OPTION_VALUE_PRIV_H
#define CONFIG_OPTION_VALUE_PRIV_H

#include "config/option_value.h"

/* Take the next part of a list off the front of rest, up to sep or the end.  returns  false at
 * the end */
bool option_value_next(struct slice *rest, char sep, struct slice *ret);

/* The member of c. */
static inline const void *option_value_at(const struct config *c, enum option_id id)
{
    return (const char *)c + options_table[id].offset;
}

/* at: the member, a DURATION, SIZE or UINT. */
static inline uint64_t option_value_number(enum option_kind kind, const void *at)
{
    return kind == OPTION_UINT ? *(const uint32_t *)at : *(const uint64_t *)at;
}

#endif
