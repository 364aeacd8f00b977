/**
 * family: all lines of one name and type on /metrics.
 *
 * The first type a name gets is its type; series of another type under that name, or under the
 * `_sum`, `_count`, `_bucket` names that a summary or histogram makes, are left out of /metrics and
 * counted, and still go to the sinks (off_page.h).
 *   thread   control
 */
#ifndef AGGREGATE_FAMILY_H
#define AGGREGATE_FAMILY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct exposed;
struct places;

/* X(id, word): how Prometheus types a family. */
#define FAMILY_TYPES(X)                                                                            \
    X(COUNTER, "counter")                                                                          \
    X(GAUGE, "gauge")                                                                              \
    X(SUMMARY, "summary")                                                                          \
    X(HISTOGRAM, "histogram")                                                                      \
    X(RESERVED, "untyped")

enum family_type {
#define X(id, word) FAMILY_##id,
    FAMILY_TYPES(X)
#undef X
        FAMILY_TYPE_COUNT
};

const char *family_type_word(enum family_type t);

struct family {
    uint64_t hash; /* of the name */
    char *name;    /* as exposed, suffixes included; NUL-terminated */
    uint32_t name_len;
    enum family_type type;    /* FAMILY_RESERVED: a name of our own, never rendered here */
    bool negative;            /* values or bounds of its timers may be below 0 */
    bool restored;            /* all in it is of a saved state, and no sample came since: a newcomer
                                 of another type takes the name over at once */
    char *help;               /* of the first mapping rule that had one; NULL: says nothing */
    struct exposed **exposed; /* n of them, in no order */
    size_t n, cap;
    struct places *by_labels; /* finds them by their labels; NULL where they are few */
    size_t at;                /* place in the list of families */
    uint64_t born;            /* families are numbered from 1 in the order in which they are
                                  made: a walk skips those made after its begin */
    uint64_t busy_until_s;    /* not idle before, as of the last search for samples (claim.c);
                                  monotonic seconds */
};

/* A walk's place in a family.  families.c adjusts it when an exposed leaves the family. */
struct family_cursor {
    struct family_cursor *next; /* all cursors there are */
    struct family *family;      /* NULL: between two families, or the family was dropped */
    size_t at;                  /* exposed[0 .. at - 1] were visited, exposed[at] is next */
    size_t until;               /* end of those to visit: later entries were added after the
                                       walk came to the family */
};

#endif
