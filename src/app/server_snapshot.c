/*
 * Gauges and sets for a start after a crash, every server.state_interval:
 *
 *   on_due       a file is begun
 *   on_piece     every PIECE_MS: a slice more (slice.h), while the loop goes on
 *   commit       on a thread of libuv's pool, as it waits for the disk: synced, renamed
 *   on_committed
 *
 * Counters and timers are not in it: after a crash they begin at 0 (server_state.c).
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>

#include "app/server_priv.h"
#include "app/server_state.h"
#include "app/slice.h"
#include "base/err.h"
#include "base/mem.h"

enum { PIECE_MS = 2 };

struct snapshot_writer {
    struct server *server;
    uv_timer_t timer;
    uv_work_t work;
    struct records_writer records;
    struct registry_save save;
    bool writing, committing;
    int error;   /* of the commit */
    bool failed; /* the last one; it is in the log */
};

static void arm(struct snapshot_writer *n, uv_timer_cb cb, uint64_t ms)
{
    uv_timer_start(&n->timer, cb, ms, 0);
}

static void on_due(uv_timer_t *timer);

static void finished(struct snapshot_writer *n, int rc)
{
    struct server *s = n->server;
    s->self.server.state_snapshots += rc == 0;
    s->self.server.state_snapshots_failed += rc < 0;
    if (rc < 0 && !n->failed)
        LOG(LOG_ERROR, "cannot write the gauges to server.state_dir",
            F_STR("dir", s->config->server_state_dir), F_STR("error", err_text(rc)),
            F_STR("remedy", "after a crash they would be as of the last time it worked"));
    if (rc == 0 && n->failed)
        LOG(LOG_INFO, "the gauges are written to server.state_dir again",
            F_STR("dir", s->config->server_state_dir));
    n->failed = rc < 0;
    if (server_state(s) == RUNNING)
        arm(n, on_due, s->config->server_state_interval_ms);
}

static void commit(uv_work_t *work)
{
    struct snapshot_writer *n = work->data;
    n->error = state_file_commit(&n->server->state_file);
}

static void on_committed(uv_work_t *work, int status)
{
    struct snapshot_writer *n = work->data;
    n->committing = false;
    finished(n, status < 0 ? status : n->error);
}

/* The lines are written, or it is given up. */
static int end_writing(struct snapshot_writer *n)
{
    n->writing = false;
    registry_save_end(&n->save);
    return records_end(&n->records);
}

static void on_piece(uv_timer_t *timer)
{
    struct snapshot_writer *n = timer->data;
    assert(n->writing && !n->committing);
    uint64_t end_ns = slice_end_ns();
    bool more;
    do
        more = registry_save_some(&n->save, SLICE_SERIES) && n->records.error == 0;
    while (more && !slice_over(end_ns));
    if (more) {
        arm(n, on_piece, PIECE_MS);
        return;
    }
    int rc = end_writing(n);
    if (rc == 0 && (rc = uv_queue_work(timer->loop, &n->work, commit, on_committed)) == 0) {
        n->committing = true;
        return;
    }
    state_file_give_up(&n->server->state_file);
    finished(n, rc);
}

static void on_due(uv_timer_t *timer)
{
    struct snapshot_writer *n = timer->data;
    struct server *s = n->server;
    if (server_state(s) != RUNNING)
        return;
    int rc = state_file_create(&s->state_file);
    if (rc < 0) {
        finished(n, rc);
        return;
    }
    const struct records_sink sink = state_file_sink(&s->state_file);
    const struct state_parts parts = server_state_parts(s);
    const struct state_clock clock = server_state_clock(s);
    records_begin(&n->records, &sink, STATE_VERSION);
    state_put_owner(&n->records, &parts, &clock, true);
    registry_save_begin(&n->save, s->registry, &n->records, &clock, true);
    n->writing = true;
    arm(n, on_piece, 0);
}

void server_state_start(struct server *s)
{
    uint64_t every_ms = s->config->server_state_interval_ms;
    if (s->state_file.dir < 0 || every_ms == 0)
        return;
    struct snapshot_writer *n = mem_zalloc(sizeof *n);
    n->server = s;
    uv_timer_init(&s->loop, &n->timer);
    n->timer.data = n->work.data = n;
    s->snapshot = n;
    arm(n, on_due, 0); /* the state that was loaded is gone from the disk */
}

static void on_closed(uv_handle_t *h)
{
    free(h->data);
}

bool server_state_quiet(struct server *s)
{
    struct snapshot_writer *n = s->snapshot;
    if (n == NULL)
        return true;
    uv_timer_stop(&n->timer);
    if (n->writing) {
        (void)end_writing(n);
        state_file_give_up(&s->state_file);
    }
    if (n->committing)
        return false;
    s->snapshot = NULL;
    uv_close((uv_handle_t *)&n->timer, on_closed);
    return true;
}

void server_state_stop(struct server *s)
{
    if (server_state_quiet(s))
        return;
    uv_timer_stop(&s->stop_timer); /* the loop runs once more, and the sinks are done */
    while (!server_state_quiet(s))
        uv_run(&s->loop, UV_RUN_ONCE);
}
