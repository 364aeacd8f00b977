#include "app/events.h"

#include <assert.h>

#include "base/now.h"

void events_init(struct events *ev, unsigned n_workers, bool show_checks)
{
    assert(n_workers <= LISTEN_WORKERS_MAX);
    *ev = (struct events){ .n_rings = n_workers };
    ev->log = event_log_new(EVENT_LOG_KEEP);
    ev->board = show_checks ? check_board_new() : NULL;
    for (unsigned i = 0; i < n_workers; i++)
        ev->rings[i] = event_ring_new(EVENT_RING_BYTES);
}

void events_release(struct events *ev)
{
    for (unsigned i = 0; i < ev->n_rings; i++)
        event_ring_free(ev->rings[i]);
    check_board_free(ev->board);
    event_log_free(ev->log);
    *ev = (struct events){ 0 };
}

static void on_event(void *ring, const struct event *e, uint64_t at_ns)
{
    event_ring_put_event(ring, e, at_ns);
}

static void on_check(void *ring, const struct service_check *c, uint64_t at_ns)
{
    event_ring_put_check(ring, c, at_ns);
}

struct lane_taps events_taps(struct events *ev, unsigned worker)
{
    assert(worker < ARRAY_LEN(ev->rings) && ev->rings[worker] != NULL);
    return (struct lane_taps){ .on_event = on_event,
                               .on_check = on_check,
                               .cookie = ev->rings[worker] };
}

struct lane_taps events_further_taps(struct events *ev)
{
    assert(ev->n_rings < ARRAY_LEN(ev->rings));
    ev->rings[ev->n_rings] = event_ring_new(EVENT_RING_BYTES);
    return events_taps(ev, ev->n_rings++);
}

static void take(void *events, const struct event_entry *e, uint64_t at_ns)
{
    struct events *ev = events;
    event_log_add(ev->log, e);
    if (ev->board != NULL && e->kind == CHECK_ENTRY)
        check_board_note(ev->board, e, at_ns);
}

void events_take(struct events *ev)
{
    struct event_now now = { .mono_ns = now_mono_ns(), .wall_ms = (uint64_t)now_wall_ms() };
    event_rings_take(ev->rings, ev->n_rings, now, take, ev);
}

void events_expire(struct events *ev, uint64_t ttl_s)
{
    if (ev->board != NULL)
        check_board_expire(ev->board, ttl_s, now_mono_ns());
}

void events_totals(const struct events *ev, struct event_totals *ret)
{
    *ret = (struct event_totals){ .board = ev->board };
    for (unsigned i = 0; i < ev->n_rings; i++)
        for (int k = 0; k < EVENT_KINDS; k++)
            ret->dropped[k] += event_ring_dropped(ev->rings[i], (enum event_kind)k);
}
