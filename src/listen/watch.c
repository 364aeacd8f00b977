#include "listen/watch.h"

#include <assert.h>

#include "base/now.h"

/*
 * Gathering begins when WINDOW_WAKES wake-ups or more within WINDOW_NS find fewer than PLENTY
 * datagrams each.  It ends when ROUND_TICKS ticks find less than a datagram a millisecond, or one
 * tick finds WATCH_READ_MAX.
 */
enum {
    GATHER_MS_MAX = 4,
    GATHER_RCVBUF_A_MS = 2 << 20, /* bytes of receive buffer for a burst of one millisecond */
    WINDOW_NS = 8000000,
    WINDOW_WAKES = 8,
    PLENTY = 16,
    ROUND_TICKS = 16
};

bool watch_gathers(const struct watch *w)
{
    return uv_is_active((const uv_handle_t *)&w->timer) != 0;
}

/* Of a watch that is not closed: it reads or gathers, never both. */
static void watch_check(const struct watch *w)
{
    bool polls = uv_is_active((const uv_handle_t *)&w->poll) != 0;
    assert(!watch_gathers(w) || (w->gather_ms > 0 && !polls));
    assert(w->gather_ms <= GATHER_MS_MAX && w->ticks < ROUND_TICKS);
    assert(w->read != NULL && w->poll.data == w && w->closing == 0);
}

static void on_readable(uv_poll_t *poll, int status, int events);

static void gather_end(struct watch *w)
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
    w->gathered += n;
    if (++w->ticks < ROUND_TICKS && n < WATCH_READ_MAX)
        return;
    bool few = w->gathered < w->ticks * w->gather_ms;
    w->ticks = w->gathered = 0;
    if (n >= WATCH_READ_MAX || few)
        gather_end(w);
}

static void gather_begin(struct watch *w)
{
    uv_poll_stop(&w->poll);
    w->ticks = w->gathered = 0;
    (void)uv_timer_start(&w->timer, on_tick, w->gather_ms, w->gather_ms);
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
    w->woken_for += w->read(w->cookie);
    w->wakes++;
    uint64_t now_ns = now_mono_ns(), passed = now_ns - w->window_ns;
    if (passed < WINDOW_NS)
        return;
    bool often =
        passed < 2ull * WINDOW_NS && w->wakes >= WINDOW_WAKES && w->woken_for < w->wakes * PLENTY;
    w->window_ns = now_ns;
    w->wakes = w->woken_for = 0;
    if (often && w->gather_ms > 0)
        gather_begin(w);
}

/* ---- life ---- */

unsigned watch_gather_ms(uint64_t rcvbuf_granted)
{
    uint64_t ms = rcvbuf_granted / GATHER_RCVBUF_A_MS;
    return ms < GATHER_MS_MAX ? (unsigned)ms : GATHER_MS_MAX;
}

int watch_init(struct watch *w, uv_loop_t *loop, int fd, unsigned gather_ms,
               unsigned (*read)(void *cookie), void *cookie)
{
    *w = (struct watch){ .gather_ms = gather_ms, .read = read, .cookie = cookie };
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
