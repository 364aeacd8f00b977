#include "support/state_memory.h"

#include <errno.h>

static int write_bytes(void *cookie, const void *p, size_t n)
{
    struct state_memory *m = cookie;
    if (m->full_at > 0 && m->bytes.len + n > m->full_at)
        return -ENOSPC;
    buf_append(&m->bytes, p, n);
    return 0;
}

static long read_bytes(void *cookie, void *p, size_t n)
{
    struct state_memory *m = cookie;
    size_t left = m->bytes.len - m->at;
    n = n < left ? n : left;
    n = m->piece > 0 && n > m->piece ? m->piece : n;
    if (n > 0)
        memcpy(p, m->bytes.ptr + m->at, n);
    m->at += n;
    return (long)n;
}

struct records_sink state_memory_sink(struct state_memory *m)
{
    return (struct records_sink){ write_bytes, m };
}

struct records_source state_memory_source(struct state_memory *m)
{
    return (struct records_source){ read_bytes, m };
}

void state_memory_release(struct state_memory *m)
{
    buf_release(&m->bytes);
    *m = (struct state_memory){ 0 };
}

struct state_clock state_memory_clock(const struct pipeline *p)
{
    int64_t wall_ms = PIPELINE_ZERO_MS + (int64_t)(p->now_ns / 1000000);
    return (struct state_clock){ .mono_ns = p->now_ns,
                                 .wall_ms = wall_ms,
                                 .zero_ms = PIPELINE_ZERO_MS,
                                 .interval_start_ms = wall_ms / 10000 * 10000,
                                 .interval_ms = 10000 };
}

int state_memory_save(struct state_memory *m, struct pipeline *p, bool gauges_only)
{
    const struct records_sink sink = state_memory_sink(m);
    const struct state_clock clock = state_memory_clock(p);
    struct records_writer w;
    struct registry_save s;
    records_begin(&w, &sink, STATE_MEMORY_VERSION);
    registry_save_begin(&s, p->registry, &w, &clock, gauges_only);
    while (registry_save_some(&s, 3)) {}
    registry_save_end(&s);
    return records_end(&w);
}

int state_memory_load(struct state_memory *m, struct pipeline *p,
                      const struct state_clock *saved_at)
{
    const struct records_source source = state_memory_source(m);
    const struct state_clock now = state_memory_clock(p);
    struct records_reader r;
    struct registry_load l;
    uint8_t type;
    struct slice body;
    m->at = 0;
    registry_load_begin(&l, p->registry, &now, saved_at, p->now_ns);
    int rc = records_open(&r, &source, STATE_MEMORY_VERSION);
    if (rc == 0)
        rc = 1;
    while (rc > 0) {
        rc = records_next(&r, &type, &body);
        if (rc > 0 && !registry_load_record(&l, type, body))
            rc = -EBADMSG;
    }
    registry_load_end(&l, rc == 0);
    records_close(&r);
    return rc;
}
