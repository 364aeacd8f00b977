/**
 * explain_priv: what explain.c (lines) and explain_end.c (what is said of all of them) share.
 * Private to explain/.
 */
#ifndef EXPLAIN_PRIV_H
#define EXPLAIN_PRIV_H

#include "explain/explain.h"
#include "explain/explain_core.h"
#include "explain/explain_sums.h"

/* X(id, name): arrays of the JSON, an element for each thing that was found */
/* clang-format off */
#define LISTS(X)               \
    X(SAMPLES, "samples")      \
    X(RULES,   "rules")        \
    X(EVENTS,  "events")       \
    X(CHECKS,  "checks")       \
    X(REASONS, "reasons")
/* clang-format on */

enum list {
#define X(id, name) LIST_##id,
    LISTS(X)
#undef X
        LIST_COUNT
};

struct explain {
    struct explain_core *core;
    enum explain_form form;
    struct explain_bounds bounds;
    struct framing framing; /* of the stream that is under way */
    char *room;             /* its, or NULL */
    struct buf waiting;     /* lines, of which `at` bytes are done with */
    size_t at;
    bool truncated; /* the last of them */
    enum reason framing_error;
    uint32_t n_framing_errors; /* to be told when nothing waits */
    struct explain_sums sums;
    struct buf lists[LIST_COUNT]; /* elements with commas between them */
    struct buf text;              /* for people; in JSON as it stands inside a string */
    uint64_t unread;              /* bytes past the bounds */
    uint64_t left_out;            /* of what was found: counted alone */
};

/* Add text for people, which is released. */
void explain_add_text_take(struct explain *e, struct buf *text);

/* Append the text as it stands between the quotes of a string of JSON. */
void explain_put_inside_string(struct slice text, struct buf *out);

/* Bytes of what was found so far. */
size_t explain_held(const struct explain *e);

#endif
