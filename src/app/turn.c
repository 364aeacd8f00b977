/*
 *     turn_ask, turn_remap -> begin: the mapping asked for is handed out, pending connections are
 *                             accepted, and every worker is asked
 *     on_notified, on_more -> go_on: the page of each worker that is ready, in slices; after the
 *                             last: on_turned, and begin again if it was asked for meanwhile
 */
#include "app/turn.h"

#include <assert.h>
#include <string.h>

#include "aggregate/deleted.h"
#include "app/slice.h"

static void turn_check(const struct turn *t)
{
    assert(t->begun == t->done + t->under_way); /* one at a time */
    assert((t->n_waiting > 0) == t->under_way);
    assert(!t->again || t->under_way || t->paused);
    assert(!t->paused || t->pauses);
    assert(t->n_waiting <= t->n_workers && t->n_workers <= LISTEN_WORKERS_MAX);
    assert(t->riding == NULL || t->under_way);
    assert(t->asked == NULL || t->riding == NULL);
    assert(t->merging == NULL || t->waiting_for[t->merging_of]);
}

/* The mapping asked for goes with the turn that begins. */
static void hand_out(struct turn *t)
{
    for (unsigned i = 0; t->asked != NULL && i < t->n_workers; i++) {
        worker_remap(t->workers[i], t->next[i]);
        t->next[i] = NULL;
    }
    t->riding = t->asked;
    t->asked = NULL;
}

/* What was deleted goes with it, once each worker is through with what was deleted before. */
static void tell_deleted(struct turn *t)
{
    if (t->deleted != NULL && !deleted_alone(t->deleted))
        return;
    deleted_unref(t->deleted);
    t->deleted = registry_take_deleted(t->registry);
    for (unsigned i = 0; t->deleted != NULL && i < t->n_workers; i++)
        worker_forget(t->workers[i], t->deleted);
}

static void begin(struct turn *t)
{
    assert(!t->under_way && t->n_workers > 0);
    t->under_way = true;
    t->begun++;
    t->again = false;
    t->unswept = false;
    t->paused = t->pauses;
    t->n_waiting = t->n_workers;
    for (unsigned i = 0; i < t->n_workers; i++)
        t->waiting_for[i] = true;
    hand_out(t);
    tell_deleted(t);
    if (t->acceptor != NULL)
        acceptor_accept(t->acceptor);
    for (unsigned i = 0; i < t->n_workers; i++) {
        if (t->pauses)
            worker_ask_pause(t->workers[i]);
        else
            worker_ask_turn(t->workers[i], t->last);
    }
}

/* returns  whether there is a page to merge */
static bool take_page(struct turn *t)
{
    for (unsigned i = 0; t->merging == NULL && i < t->n_workers; i++) {
        t->merging = t->waiting_for[i] ? worker_take(t->workers[i], &t->sockets) : NULL;
        t->merging_of = i;
    }
    return t->merging != NULL;
}

static void give_page_back(struct turn *t)
{
    unsigned i = t->merging_of;
    struct page *p = t->merging;
    assert(t->waiting_for[i] && t->n_waiting > 0);
    t->unswept |= page_unswept(p);
    t->seen[i] = *page_stats(p);
    memcpy(t->rejected[i], page_rejected(p), sizeof t->rejected[i]);
    for (size_t l = 0; l < t->n_listeners; l++)
        listener_take_stats(&t->listeners[l], i, t->sockets);
    worker_give(t->workers[i], p);
    t->merging = NULL;
    t->waiting_for[i] = false;
    t->n_waiting--;
}

/* returns  false: the slice is over, and there is more */
static bool merge_slice(struct turn *t)
{
    uint64_t end_ns = slice_end_ns();
    while (take_page(t)) {
        if (!registry_merge_some(t->registry, t->merging, now_mono_ns(), SLICE_CELLS))
            give_page_back(t);
        else if (slice_over(end_ns))
            return false;
    }
    return true;
}

static void on_more(uv_idle_t *more);

/* Merges what is there; when that was all of the turn, it is over. */
static void go_on(struct turn *t)
{
    turn_check(t);
    if (!t->under_way)
        return;
    if (!merge_slice(t)) {
        uv_idle_start(&t->more, on_more);
        return;
    }
    uv_idle_stop(&t->more);
    if (t->n_waiting > 0)
        return;
    if (t->riding != NULL)
        t->remapped =
            registry_remap(t->registry, t->riding->profiles, t->riding->mapping, now_mono_ns());
    if (t->acceptor != NULL)
        acceptor_collect(t->acceptor);
    t->riding = NULL;
    t->under_way = false;
    t->done = t->begun;
    bool again = t->again && !t->paused;
    t->again = t->again && t->paused;
    t->on_turned(t->cookie);
    if (again && !t->under_way)
        begin(t);
}

static void on_more(uv_idle_t *more)
{
    go_on(more->data);
}

static void on_notified(uv_async_t *async)
{
    struct turn *t = async->data;
    if (t->merging == NULL) /* else its slices come to this page as well */
        go_on(t);
}

int turn_init(struct turn *t, uv_loop_t *loop)
{
    uv_idle_init(loop, &t->more);
    t->more.data = t;
    int rc = uv_async_init(loop, &t->notified, on_notified);
    t->notified.data = t;
    return rc;
}

void turn_notify(void *turn)
{
    uv_async_send(&((struct turn *)turn)->notified);
}

uint64_t turn_ask(struct turn *t, bool last)
{
    turn_check(t);
    t->last = t->last || last;
    if (t->under_way || t->paused) {
        t->again = true;
        return t->begun + 1;
    }
    begin(t);
    return t->begun;
}

uint64_t turn_ask_pause(struct turn *t)
{
    assert(!t->pauses && !t->last);
    t->pauses = true;
    return turn_ask(t, false);
}

void turn_go_on(struct turn *t)
{
    turn_check(t);
    assert(t->pauses && !t->under_way);
    t->pauses = t->paused = false;
    for (unsigned i = 0; i < t->n_workers; i++)
        worker_read_again(t->workers[i]);
    if (t->again)
        begin(t);
}

static void free_next(struct turn *t)
{
    for (unsigned i = 0; i < LISTEN_WORKERS_MAX; i++) {
        ingest_generation_free(t->next[i]);
        t->next[i] = NULL;
    }
}

int turn_remap(struct turn *t, const struct core_mapping *m, uint64_t *ret_turn)
{
    turn_check(t);
    assert(t->asked == NULL && t->riding == NULL);
    for (unsigned i = 0; i < t->n_workers; i++) {
        int rc = ingest_generation_new(m->profiles, m->mapping, &t->next[i]);
        if (rc < 0) {
            free_next(t);
            return rc;
        }
    }
    t->asked = m;
    *ret_turn = turn_ask(t, false);
    return 0;
}

void turn_totals(const struct turn *t, struct ingest_totals *ret)
{
    *ret = (struct ingest_totals){ 0 };
    for (unsigned i = 0; i < t->n_workers; i++) {
        for (int id = 0; id < INGEST_COUNTER_COUNT; id++)
            ret->counters.v[id] += t->seen[i].v[id];
        for (int d = 0; d < INGEST_DROP_COUNT; d++)
            ret->counters.dropped[d] += t->seen[i].dropped[d];
        for (int by = 0; by < LIMITED_BY_COUNT; by++)
            ret->counters.refused_by[by] += t->seen[i].refused_by[by];
        for (int a = 0; a < EVENT_ALERT_COUNT; a++)
            ret->counters.events[a] += t->seen[i].events[a];
        for (int s = 0; s < CHECK_STATUS_COUNT; s++)
            ret->counters.checks[s] += t->seen[i].checks[s];
        for (int r = 0; r < REASON_COUNT; r++)
            ret->rejected[r] += t->rejected[i][r];
    }
}

void turn_close(struct turn *t)
{
    free_next(t);
    deleted_unref(t->deleted);
    uv_close((uv_handle_t *)&t->more, NULL);
    uv_close((uv_handle_t *)&t->notified, NULL);
}
