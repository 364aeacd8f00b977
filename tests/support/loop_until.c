#include "support/loop_until.h"

#include <stddef.h>

static void on_tick(uv_timer_t *t)
{
    (void)t;
}

static void on_closed(uv_handle_t *h)
{
    *(bool *)h->data = true;
}

bool loop_until(uv_loop_t *loop, bool (*is_so)(void *cookie), void *cookie, uint64_t limit_ms)
{
    uv_timer_t tick;
    uint64_t end_ns = uv_hrtime() + limit_ms * 1000000;
    uv_timer_init(loop, &tick);
    uv_timer_start(&tick, on_tick, 1, 1);
    bool so;
    while (!(so = is_so(cookie)) && uv_hrtime() < end_ns)
        uv_run(loop, UV_RUN_ONCE);
    bool closed = false;
    tick.data = &closed;
    uv_close((uv_handle_t *)&tick, on_closed);
    while (!closed)
        uv_run(loop, UV_RUN_NOWAIT);
    return so;
}

static bool never(void *cookie)
{
    (void)cookie;
    return false;
}

void loop_for(uv_loop_t *loop, uint64_t ms)
{
    loop_until(loop, never, NULL, ms);
}

bool loop_drain(uv_loop_t *loop, uint64_t limit_ms)
{
    uint64_t end_ns = uv_hrtime() + limit_ms * 1000000;
    while (uv_loop_alive(loop) && uv_hrtime() < end_ns)
        uv_run(loop, UV_RUN_NOWAIT);
    return !uv_loop_alive(loop);
}
