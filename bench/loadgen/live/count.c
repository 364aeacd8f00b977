#include "count.h"

#include <math.h>

/* X(member) */
#define NUMBERS(X)                                                                                 \
    X(datagrams)                                                                                   \
    X(lines)                                                                                       \
    X(values)                                                                                      \
    X(bytes)                                                                                       \
    X(unreachable_datagrams)                                                                       \
    X(failed_datagrams) X(failed_lines) X(connections) X(reconnects) X(unfinished)
#define REALS(X)  X(increments) X(forgiven)
#define ERRORS(X) X(error) X(unreachable_error)

json_t *count_json(const struct tally_totals *t)
{
    json_t *o = json_object();
#define X(member) json_object_set_new(o, #member, json_integer((json_int_t)t->member));
    NUMBERS(X)
    ERRORS(X)
#undef X
#define X(member) json_object_set_new(o, #member, json_real(t->member));
    REALS(X)
#undef X
    json_object_set_new(o, "nobody", json_boolean(t->nobody));
    return o;
}

static uint64_t number(const json_t *o, const char *name)
{
    json_int_t v = json_integer_value(json_object_get(o, name));
    return v > 0 ? (uint64_t)v : 0;
}

void count_read(const json_t *o, struct tally_totals *ret)
{
    *ret = (struct tally_totals){ .nobody = json_is_true(json_object_get(o, "nobody")) };
#define X(member) ret->member = number(o, #member);
    NUMBERS(X)
#undef X
#define X(member) ret->member = (int)(number(o, #member) & 0xffff);
    ERRORS(X)
#undef X
#define X(member) ret->member = fmax(json_number_value(json_object_get(o, #member)), 0);
    REALS(X)
#undef X
}

void count_add(struct tally_totals *to, const struct tally_totals *from)
{
#define X(member) to->member += from->member;
    NUMBERS(X)
    REALS(X)
#undef X
#define X(member) to->member = from->member != 0 ? from->member : to->member;
    ERRORS(X)
#undef X
    to->nobody = to->nobody || from->nobody;
}
