/*
 * state_save    the owner, then the registry, the server's counters, the sinks
 * state_check   all records, and of the first whose it is
 * state_load    each record to whom it belongs (load_record)
 */
#include "state/state.h"

#include <errno.h>

#include "base/pack.h"

void state_put_owner(struct records_writer *to, const struct state_parts *p,
                     const struct state_clock *clock, bool gauges_only)
{
    struct sink_amount waits = { 0 };
    for (size_t i = 0; i < p->sinks->n; i++) {
        struct sink_amount left;
        p->sinks->at[i]->left(p->sinks->at[i], &left);
        sink_amount_add(&waits, &left);
    }
    struct buf *out = records_add(to, STATE_OWNER);
    pack_text(out, slice_str(p->instance));
    pack_u64(out, (uint64_t)clock->wall_ms);
    pack_u8(out, gauges_only);
    pack_u64(out, waits.intervals);
    pack_u64(out, sink_amount_series(&waits));
    records_done(to);
}

static size_t save_registry(struct records_writer *to, struct registry *r,
                            const struct state_clock *clock)
{
    struct registry_save s;
    registry_save_begin(&s, r, to, clock, false);
    while (registry_save_some(&s, SIZE_MAX)) {}
    registry_save_end(&s);
    return s.left_out;
}

size_t state_save(struct records_writer *to, const struct state_parts *p,
                  const struct state_clock *clock)
{
    state_put_owner(to, p, clock, false);
    size_t left_out = save_registry(to, p->registry, clock);
    carried_save(p->carried, p->counters, COUNTER_TABLE_COUNT, STATE_COUNTER, to);
    if (p->sockets != NULL)
        socket_notes_save(p->sockets, STATE_SOCKET, to);
    sink_list_save(p->sinks, to);
    return left_out;
}

/* ---- reading ---- */

static bool read_owner(struct slice body, struct slice *ret_instance, struct state_owner *ret)
{
    struct unpack in = unpack_of(body);
    *ret_instance = unpack_text(&in);
    ret->wall_ms = (int64_t)unpack_u64(&in);
    ret->gauges_only = unpack_u8(&in) != 0;
    ret->waiting_intervals = unpack_u64(&in);
    ret->waiting_series = unpack_u64(&in);
    return unpack_done(&in) && ret->wall_ms > 0 && ret->wall_ms < INT64_MAX / 1000000;
}

static int check_owner(struct records_reader *r, const char *instance, struct state_owner *ret)
{
    uint8_t type;
    struct slice body, owner;
    int rc = records_next(r, &type, &body);
    if (rc < 0)
        return rc;
    if (rc == 0 || type != STATE_OWNER || !read_owner(body, &owner, ret)) {
        r->why = "it does not say whose it is";
        return -EBADMSG;
    }
    if (!slice_eq(owner, slice_str(instance))) {
        r->why = "it is of another server.instance";
        return -EPERM;
    }
    return 0;
}

int state_check(const struct records_source *from, const char *instance, struct state_owner *ret,
                const char **ret_why)
{
    struct records_reader r;
    uint8_t type;
    struct slice body;
    int rc = records_open(&r, from, STATE_VERSION);
    if (rc == 0)
        rc = check_owner(&r, instance, ret);
    while (rc == 0 && (rc = records_next(&r, &type, &body)) > 0)
        rc = 0;
    *ret_why = r.why;
    records_close(&r);
    return rc;
}

struct loading {
    const struct state_parts *parts;
    struct registry_load registry;
    uint64_t age_ms;
    size_t unclaimed;
};

static bool load_record(struct loading *l, uint8_t type, struct slice body)
{
    if (type == STATE_COUNTER)
        return carried_load(l->parts->carried, body);
    if (type == STATE_SOCKET)
        return l->parts->sockets != NULL && socket_notes_load(l->parts->sockets, body);
    if (type < STATE_OF_SINKS)
        return type == STATE_OWNER || registry_load_record(&l->registry, type, body);
    int rc = sink_list_load(l->parts->sinks, type, body, l->age_ms);
    l->unclaimed += rc == 0;
    return rc >= 0;
}

static int load_records(struct records_reader *r, struct loading *l)
{
    uint8_t type;
    struct slice body;
    int rc;
    while ((rc = records_next(r, &type, &body)) > 0) {
        if (load_record(l, type, body))
            continue;
        r->why = "a record makes no sense";
        return -EBADMSG;
    }
    return rc;
}

int state_load(const struct records_source *from, const struct state_parts *p,
               const struct state_owner *owner, const struct state_clock *now, uint64_t started_ns,
               struct state_loaded *ret)
{
    const struct state_clock saved = { .wall_ms = owner->wall_ms,
                                       .interval_start_ms = now->interval_start_ms };
    int64_t age_ms = now->wall_ms - owner->wall_ms;
    struct loading l = { .parts = p, .age_ms = age_ms > 0 ? (uint64_t)age_ms : 0 };
    struct records_reader r;
    registry_load_begin(&l.registry, p->registry, now, &saved, started_ns);
    int rc = records_open(&r, from, STATE_VERSION);
    if (rc == 0)
        rc = load_records(&r, &l);
    *ret = (struct state_loaded){ l.registry.lines, l.registry.left_out, l.registry.idle,
                                  l.unclaimed, r.why };
    registry_load_end(&l.registry, rc == 0);
    sink_list_loaded(p->sinks, rc == 0);
    if (rc < 0)
        carried_release(p->carried);
    if (rc < 0 && p->sockets != NULL)
        socket_notes_release(p->sockets);
    records_close(&r);
    return rc;
}
