#include "receive.h"

#include <string.h>
#include <sys/socket.h>
#include <unistd.h>
#include <uv.h>

static uv_loop_t loop;
static uv_timer_t timer;
static uv_poll_t poll_handle;
static uv_udp_t udp_handle;

static void on_tick(uv_timer_t *t)
{
    tick();
    if (all_read())
        uv_stop(t->loop);
}

static void on_readable(uv_poll_t *p, int status, int events)
{
    (void)status;
    (void)events;
    read_rounds();
    if (all_read())
        uv_stop(p->loop);
}

static void on_readable_recv(uv_poll_t *p, int status, int events)
{
    (void)status;
    (void)events;
    counts.wakes++;
    for (long i = 0; plan.rounds == 0 || i < plan.rounds; i++) {
        ssize_t n = recv(rx, slots, SLOT_BYTES - 1, MSG_DONTWAIT);
        counts.reads++;
        if (n < 0)
            break;
        counts.sum += (unsigned char)*slots;
        counts.datagrams++;
    }
    if (all_read())
        uv_stop(p->loop);
}

static void on_alloc(uv_handle_t *h, size_t hint, uv_buf_t *ret)
{
    (void)h;
    (void)hint;
    *ret = uv_buf_init(slots, strcmp(plan.way, "udpmm") == 0 ? 20 * SLOT_BYTES : SLOT_BYTES);
    counts.reads++;
}

static void on_datagram(uv_udp_t *u, ssize_t n, const uv_buf_t *buf, const struct sockaddr *from,
                        unsigned flags)
{
    (void)flags;
    if (n <= 0 || from == NULL)
        return;
    counts.sum += (unsigned char)*buf->base;
    counts.datagrams++;
    if (all_read())
        uv_stop(u->loop);
}

static void on_prepare(uv_prepare_t *p)
{
    (void)p;
    counts.wakes++;
}

/* libuv does not tell how often it woke: the turns of its loop stand for it. */
static uv_prepare_t turns;

void run_uv_begin(void)
{
    bool multi = strcmp(plan.way, "udpmm") == 0;
    uv_loop_init(&loop);
    uv_timer_init(&loop, &timer);
    uv_prepare_init(&loop, &turns);
    if (multi || strcmp(plan.way, "udp") == 0) {
        if (uv_udp_init_ex(&loop, &udp_handle, AF_UNSPEC | (multi ? UV_UDP_RECVMMSG : 0)) < 0 ||
            uv_udp_open(&udp_handle, dup(rx)) < 0)
            die("uv_udp");
        uv_udp_recv_start(&udp_handle, on_alloc, on_datagram);
        uv_prepare_start(&turns, on_prepare);
    } else {
        uv_poll_init(&loop, &poll_handle, rx);
        uv_poll_start(&poll_handle, UV_READABLE,
                      strcmp(plan.way, "recv") == 0 ? on_readable_recv : on_readable);
    }
    if (plan.timer)
        uv_timer_start(&timer, on_tick, 1, 1);
}

static void close_handle(uv_handle_t *h, void *cookie)
{
    (void)cookie;
    uv_close(h, NULL);
}

void run_uv(void)
{
    uv_run(&loop, UV_RUN_DEFAULT);
    if (plan.timer)
        tick(); /* the wait that the end cut short counts too */
}

void run_uv_end(void)
{
    uv_walk(&loop, close_handle, NULL);
    uv_run(&loop, UV_RUN_DEFAULT);
    uv_loop_close(&loop);
}
