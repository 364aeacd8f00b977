#include "capture/counters.h"

#include <assert.h>
#include <stddef.h>

static const struct {
    const char *name, *why;
} ends[] = {
#define X(id, name, why) { name, why },
    CAPTURE_ENDS(X)
#undef X
};

const char *capture_end_name(enum capture_end e)
{
    assert(e < CAPTURE_END_COUNT);
    return ends[e].name;
}

const char *capture_end_why(enum capture_end e)
{
    assert(e < CAPTURE_END_COUNT);
    return ends[e].why;
}

static void put(struct counter_lines *to, const char *reason, uint64_t n)
{
    counter_put(to, (const char *const[]){ reason }, (double)n);
}

static void put_row(const void *of, size_t row, struct counter_lines *to)
{
    const struct capture_stats *s = of;
    switch ((enum capture_counter)row) {
    case CAPTURE_COUNTER_ON:
        counter_put(to, NULL, s->on);
        break;
    case CAPTURE_COUNTER_PACKETS:
        counter_put(to, NULL, (double)s->packets);
        break;
    case CAPTURE_COUNTER_BYTES:
        counter_put(to, NULL, (double)s->bytes);
        break;
    case CAPTURE_COUNTER_DROPPED:
        put(to, "buffer", s->dropped_buffer);
        put(to, "disk", s->dropped_disk);
        break;
    case CAPTURE_COUNTER_FILES:
        counter_put(to, NULL, (double)s->files);
        break;
    case CAPTURE_COUNTER_ENDS:
        for (int e = 0; e < CAPTURE_END_COUNT; e++)
            put(to, ends[e].name, s->ends[e]);
        break;
    }
}

const struct counter_table capture_counters = COUNTERS_TABLE(CAPTURE_COUNTERS, put_row);
