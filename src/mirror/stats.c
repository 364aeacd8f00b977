#include "mirror/stats.h"

#include "base/slice.h"

/* clang-format off */
static const char *const states[] = {
#define X(id, word) word,
    MIRROR_STATES(X)
#undef X
};

static const char *const drops[] = {
#define X(id, word) word,
    MIRROR_DROPS(X)
#undef X
};

enum row {
#define X(id, name, kind, labels, help) ROW_##id,
    MIRROR_COUNTERS(X)
#undef X
};
/* clang-format on */

const char *mirror_state_word(enum mirror_state s)
{
    return states[s];
}

static void put_row(const void *of, size_t row, struct counter_lines *to)
{
    const struct mirror_stats *s = of;
    switch ((enum row)row) {
    case ROW_LINES:
        counter_put(to, NULL, (double)s->lines);
        break;
    case ROW_DATAGRAMS:
        counter_put(to, NULL, (double)s->datagrams);
        break;
    case ROW_BYTES:
        counter_put(to, NULL, (double)s->bytes);
        break;
    case ROW_DROPPED:
        for (unsigned i = 0; i < MIRROR_DROP_COUNT; i++)
            counter_put(to, &drops[i], (double)s->dropped[i]);
        break;
    case ROW_STATE:
        for (unsigned i = 0; i < MIRROR_STATE_COUNT; i++)
            counter_put(to, &states[i], i == s->state ? 1 : 0);
        break;
    case ROW_MARKS:
        counter_put(to, NULL, (double)s->marks);
        break;
    case ROW_LOOPS:
        counter_put(to, NULL, (double)s->loops);
        break;
    }
}

const struct counter_table mirror_counters = COUNTERS_TABLE(MIRROR_COUNTERS, put_row);
