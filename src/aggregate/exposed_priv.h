/**
 * exposed_priv: the head of an exposed.  Private to aggregate/.
 *
 * An exposed is in one of three places:
 *
 *     on the page    in its family's list and found by its labels
 *     behind         a set whose line a gauge of the same name and labels has: in neither, but
 *                    gauge_line.other leads to it, and it takes the gauge's place when that goes
 *     off the page   family is NULL: its name was refused (off_page.h), or taken over.  It still
 *                    collects.  Each series has one of its own here, but for those that shared one
 *                    when they lost their name
 *
 * Label text: in most cases it is made from the tuple of a series that points here (borrowed), at 0
 * bytes.  Where the tags' labels are not all of it (labels.h), and once that series has gone, the
 * text is kept.
 */
#ifndef AGGREGATE_EXPOSED_PRIV_H
#define AGGREGATE_EXPOSED_PRIV_H

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>

#include "aggregate/exposed.h"
#include "aggregate/family.h"
#include "aggregate/snapshot.h"
#include "aggregate/tuple.h"
#include "base/slice.h"

/* Labels that are no tuple's: their text, then the name as some series had sent it. */
struct exposed_text {
    uint32_t labels_len, name_len;
    char bytes[];
};

enum { EXPOSED_SERIES_MAX = (1 << 26) - 1 };

struct exposed {
    struct family *family; /* NULL: off the page */
    const struct profile *profile;
    union {
        const struct tuple *tuple; /* borrowed */
        struct exposed_text *text; /* owned */
    } labels;                      /* by has_text; on the page and behind only */
    uint32_t at;                   /* place in family->exposed, on the page only */
    uint32_t labels_hash;          /* of family and labels */
    uint32_t last_s;               /* monotonic seconds of the last merge */
    uint32_t series : 26;          /* how many point here, up to EXPOSED_SERIES_MAX */
    uint32_t restored : 1;         /* of a saved state, and no sample came since: restored.h */
    uint32_t kind : 2;             /* enum series_kind */
    uint32_t has_text : 1;
    uint32_t behind : 1;
    uint32_t negative : 1; /* a timer that has a bound below 0, or has had a value there */
};

/* Gauges and sets: both are of FAMILY_GAUGE, so that one name and labels may have one of each. */
struct gauge_line {
    struct exposed exposed;
    struct exposed *other; /* the set behind the gauge, or the gauge in front of
                                             the set; NULL: none */
};

static_assert(sizeof(struct exposed) == 40, "there are a million of them");

static inline void exposed_check(const struct exposed *e)
{
    assert(e != NULL && e->profile != NULL && e->series > 0);
    assert(e->family == NULL || e->behind || e->family->exposed[e->at] == e);
    assert(!e->behind || (e->family != NULL && e->kind == SERIES_SET));
}

static inline struct gauge_line *exposed_gauge_line(struct exposed *e)
{
    assert(e->kind == SERIES_GAUGE || e->kind == SERIES_SET);
    return (struct gauge_line *)e;
}

/* The other of a gauge and a set with the same labels, or NULL. */
static inline struct exposed *exposed_other(const struct exposed *e)
{
    bool may = e->kind == SERIES_GAUGE || e->kind == SERIES_SET;
    return may ? ((const struct gauge_line *)e)->other : NULL;
}

static inline void exposed_mark_negative(struct exposed *e)
{
    e->negative = 1;
    if (e->family != NULL)
        e->family->negative = true;
}

/* Append `k="v",k2="v2"`: no braces, nothing without labels. */
void exposed_labels(const struct exposed *e, const struct symbols *ss, struct buf *out);

/* Its labels are those of t, which stays until exposed_let_go(e, ss, t). */
void exposed_borrow_labels(struct exposed *e, const struct tuple *t);

/* Its labels are that text; name is the name as sent. */
void exposed_keep_labels(struct exposed *e, struct slice text, struct slice name);

/* t is about to be freed, and e stays: no longer borrow from it. */
void exposed_let_go(struct exposed *e, const struct symbols *ss, const struct tuple *t);

/* It leaves the page: no labels. */
void exposed_drop_labels(struct exposed *e);

/* The name as one of its series sent it; it has labels. */
struct slice exposed_name_sent(const struct exposed *e, const struct symbols *ss);

#endif
