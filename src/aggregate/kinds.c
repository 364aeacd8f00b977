/* A new kind adds its file, and its line to KINDS. */
#include <assert.h>
#include <stdlib.h>

#include "aggregate/counter.h"
#include "aggregate/gauge.h"
#include "aggregate/kind.h"
#include "aggregate/set.h"
#include "aggregate/timer.h"

/* X(id, prefix of its functions) */
#define KINDS(X) X(COUNTER, counter) X(GAUGE, gauge) X(TIMER, timer) X(SET, set)

const struct kind_ops *const kind_rows[SERIES_KIND_COUNT] = {
#define X(id, kind) [SERIES_##id] = &kind##_ops,
    KINDS(X)
#undef X
};

bool kind_merge(struct series *s, struct exposed *e, const struct cell *c, unsigned part,
                struct kind_now *now)
{
    switch ((enum series_kind)s->kind) {
#define X(id, kind)                                                                                \
    case SERIES_##id:                                                                              \
        return kind##_merge(s, e, c, part, now);
        KINDS(X)
#undef X
    case SERIES_KIND_COUNT:
        break;
    }
    abort();
}

void kind_next(struct series *s, const struct kind_now *now)
{
    switch ((enum series_kind)s->kind) {
#define X(id, kind)                                                                                \
    case SERIES_##id:                                                                              \
        kind##_next(s, now);                                                                       \
        return;
        KINDS(X)
#undef X
    case SERIES_KIND_COUNT:
        break;
    }
    abort();
}

const char *gauge_merge_name(enum gauge_merge m)
{
    static const char *const names[] = {
#define X(id, name) [GAUGE_MERGE_##id] = (name),
        GAUGE_MERGES(X)
#undef X
    };
    assert((size_t)m < ARRAY_LEN(names));
    return names[m];
}

const char *series_kind_name(enum series_kind k)
{
    static const char *const names[] = {
#define X(id, name) name,
        SERIES_KINDS(X)
#undef X
    };
    return names[k];
}
