#include "listen/watch.h"

#include <assert.h>

#include "base/now.h"

/*
 * Gathering begins when WINDOW_WAKES wake-ups or more within WINDOW_NS find fewer than PLENTY
 * datagrams each.
 */
enum { WINDOW_NS = 8000000, WINDOW_WAKES = 8, PLENTY = 16 };

static_assert((int)WATCH_READ_MAX == (int)GATHER_FULL, "a look that reads all it may is full");

bool watch_gathers(const struct watch *w)
{
    return uv_is_active((const uv_handle_t *)&w->timer) != 0;
}

bool watch_is_late(const struct watch *w)
{
    return w->late;
}

/* Of a watch that is not closed: it reads or gathers, never both. */
static void watch_check(const struct watch *w)
{
    bool polls = uv_is_active((const uv_handle_t *)&w->poll) != 0;
    assert(!watch_gathers(w) || (w->gather.most_ms > 0 && !polls));
    assert(w->read != NULL && w->poll.data == w && w->closing == 0);
}

static void on_readable(uv_poll_t *poll, int status, int events);

static void gather_stop(struct watch *w)
{
    uv_timer_stop(&w->timer);
    (void)uv_poll_start(&w->poll, UV_READABLE, on_readable);
    watch_check(w);
}

static void on_tick(uv_timer_t *timer)
{
    struct watch *w = timer->data;
    watch_check(w);
    unsigned n = w->read(w->cookie);
    assert(n <= WATCH_READ_MAX);
    unsigned ms = gather_look(&w->gather, n);
    if (ms == 0) {
        gather_stop(w);
        return;
    }
    const bool was_late = w->late;
    w->late = ms > GATHER_MS_FIRST;
    if (w->late && !was_late) /* read is told before the first of them waits */
        (void)w->read(w->cookie);
    if (ms != uv_timer_get_repeat(timer))
        (void)uv_timer_start(timer, on_tick, ms, ms);
}

static void gather_start(struct watch *w)
{
    unsigned ms = gather_begin(&w->gather, w->gather.most_ms);
    uv_poll_stop(&w->poll);
    (void)uv_timer_start(&w->timer, on_tick, ms, ms);
    watch_check(w);
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
    (void)events;
    struct watch *w = poll->data;
    watch_check(w);
    /* libuv stops a handle on POLLERR.  To read clears the socket's error, so the poll goes on. */
    if (status < 0)
        (void)uv_poll_start(poll, UV_READABLE, on_readable);
    unsigned n = w->read(w->cookie);
    w->late = w->late && n == WATCH_READ_MAX; /* else the last of what had waited was read */
    w->woken_for += n;
    w->wakes++;
    uint64_t now_ns = now_mono_ns(), passed = now_ns - w->window_ns;
    if (passed < WINDOW_NS)
        return;
    bool often =
        passed < 2ull * WINDOW_NS && w->wakes >= WINDOW_WAKES && w->woken_for < w->wakes * PLENTY;
    w->window_ns = now_ns;
    w->wakes = w->woken_for = 0;
    if (often && w->gather.most_ms > 0)
        gather_start(w);
}

/* ---- life ---- */

int watch_init(struct watch *w, uv_loop_t *loop, int fd, unsigned gather_ms,
               unsigned (*read)(void *cookie), void *cookie)
{
    *w = (struct watch){ .gather.most_ms = gather_ms, .read = read, .cookie = cookie };
    int rc = uv_poll_init(loop, &w->poll, fd);
    if (rc < 0)
        return rc;
    (void)uv_timer_init(loop, &w->timer);
    w->poll.data = w->timer.data = w;
    return 0;
}

int watch_start(struct watch *w)
{
    return uv_poll_start(&w->poll, UV_READABLE, on_readable);
}

void watch_stop(struct watch *w)
{
    uv_timer_stop(&w->timer);
    uv_poll_stop(&w->poll);
}

static void on_handle_closed(uv_handle_t *handle)
{
    struct watch *w = handle->data;
    assert(w->closing > 0);
    if (--w->closing == 0)
        w->closed(w->cookie);
}

void watch_close(struct watch *w, void (*closed)(void *cookie))
{
    watch_check(w);
    w->closed = closed;
    w->closing = 2; /* timer and poll */
    uv_close((uv_handle_t *)&w->timer, on_handle_closed);
    uv_close((uv_handle_t *)&w->poll, on_handle_closed);
}
