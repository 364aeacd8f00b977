/*
 *   redis_wire_open -> on_poll
 *     connected   the socket's result; then TLS begins, or open()
 *     shake       a step of the handshake; then open()
 *     take_in     socket -> replies -> reply() of the owner, who may close the wire there
 *     put_out     what waits -> socket
 *     want        what to poll for next
 *
 * libuv reports an error of the socket as a status below 0, after it stopped the poll: here that is
 * one more reason to read and write, which run into the error themselves.
 */
#include "sinks/redis/wire.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "tls/session.h"

/* At one turn of the loop: reads, and records written. */
enum { READS_MAX = 4, RECORDS_MAX = 16, WHY_MAX = 160 };

enum wire_state { CONNECTING, SHAKING, OPEN, OVER, CLOSED };

struct redis_wire {
    uv_poll_t poll;
    struct redis_wire_opts opts;
    enum wire_state state;
    int fd;
    struct tls_session *tls; /* NULL: plain, or not begun */
    bool crossed_read;       /* TLS has to write before it can read on */
    bool crossed_write;      /* and the other way round */
    struct buf out;          /* from `sent` on it waits for the socket */
    size_t sent;
    struct redis_replies *replies;
    size_t awaited; /* replies */
    int wanted;     /* UV_READABLE | UV_WRITABLE */
    char why[WHY_MAX];
};

static void wire_check(const struct redis_wire *w)
{
    assert((w->fd >= 0) == (w->state != CLOSED));
    assert(w->sent <= w->out.len);
    assert(w->state == OPEN || w->state >= OVER || w->awaited == 0);
}

/* ---- its end ---- */

static void end(struct redis_wire *w, enum redis_wire_end how, const char *why)
{
    assert(w->state < OVER);
    w->state = OVER;
    uv_poll_stop(&w->poll);
    snprintf(w->why, sizeof w->why, "%s%s", how == REDIS_WIRE_UNSAFE ? "TLS: " : "", why);
    w->opts.over(w->opts.cookie, how, w->why);
}

static void end_errno(struct redis_wire *w, int error)
{
    end(w, w->state == CONNECTING ? REDIS_WIRE_NONE : REDIS_WIRE_CUT, err_text(error));
}

static void end_closed(struct redis_wire *w)
{
    end(w, REDIS_WIRE_CUT,
        w->state == SHAKING ? "Server closed the connection in the TLS handshake"
                            : "Server closed the connection");
}

/* A TLS result that is neither done nor a wish. */
static void end_tls(struct redis_wire *w, enum tls_result r)
{
    if (r == TLS_FAILED)
        end(w, REDIS_WIRE_UNSAFE, tls_session_error(w->tls));
    else
        end_closed(w);
}

static void on_closed(uv_handle_t *h)
{
    struct redis_wire *w = h->data;
    redis_replies_free(w->replies);
    buf_release(&w->out);
    free(w);
}

void redis_wire_close(struct redis_wire *w)
{
    if (w == NULL)
        return;
    wire_check(w);
    assert(w->state != CLOSED);
    if (w->state == OPEN && w->tls != NULL)
        (void)tls_session_bye(w->tls);
    w->state = CLOSED;
    tls_session_free(w->tls);
    w->tls = NULL;
    /* The poll first, while the descriptor is still this one. */
    uv_poll_stop(&w->poll);
    uv_close((uv_handle_t *)&w->poll, on_closed);
    close(w->fd);
    w->fd = -1;
}

/* ---- in ---- */

/* returns  false: the owner closed the wire, or it is over */
static bool give(struct redis_wire *w, const char *p, size_t n)
{
    redisReply *reply;
    const char *error = NULL;
    int rc = 0;
    redis_replies_feed(w->replies, p, n);
    while (w->awaited > 0 && (rc = redis_replies_next(w->replies, &reply, &error)) > 0) {
        w->awaited--;
        w->opts.reply(w->opts.cookie, reply);
        freeReplyObject(reply);
        if (w->state != OPEN)
            return false;
    }
    if (rc < 0)
        end(w, REDIS_WIRE_ODD, error);
    else if (w->awaited == 0 && redis_replies_rest(w->replies))
        end(w, REDIS_WIRE_ODD, "a reply to no command");
    return w->state == OPEN;
}

/* returns  1: ret_n bytes are there; 0: none yet; -1: the wire is over */
static int get(struct redis_wire *w, char *p, size_t room, size_t *ret_n)
{
    if (w->tls != NULL) {
        enum tls_result r = tls_session_read(w->tls, p, room, ret_n);
        w->crossed_read = r == TLS_WANT_WRITE;
        if (r == TLS_DONE)
            return 1;
        if (r == TLS_WANT_READ || r == TLS_WANT_WRITE)
            return 0;
        end_tls(w, r);
        return -1;
    }
    ssize_t n = recv(w->fd, p, room, MSG_DONTWAIT);
    if (n > 0) {
        *ret_n = (size_t)n;
        return 1;
    }
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return 0;
    if (n < 0)
        end_errno(w, errno);
    else
        end_closed(w);
    return -1;
}

static void take_in(struct redis_wire *w)
{
    char room[TLS_RECORD_MAX]; /* no less, so that TLS keeps nothing which no poll would tell of */
    size_t n = 0;
    for (int i = 0; i < READS_MAX && get(w, room, sizeof room, &n) > 0; i++)
        if (!give(w, room, n))
            return;
}

/* ---- out ---- */

/* returns  1: some were sent; 0: not now; -1: the wire is over */
static int put(struct redis_wire *w, const char *p, size_t n)
{
    if (w->tls != NULL) {
        size_t sent = 0;
        enum tls_result r = tls_session_write(w->tls, p, n, &sent);
        w->crossed_write = r == TLS_WANT_READ;
        w->sent += sent;
        if (r == TLS_DONE)
            return 1;
        if (r == TLS_WANT_READ || r == TLS_WANT_WRITE)
            return 0;
        end_tls(w, r);
        return -1;
    }
    ssize_t sent = send(w->fd, p, n, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent >= 0) {
        w->sent += (size_t)sent;
        return 1;
    }
    if (errno == EAGAIN || errno == EINTR)
        return 0;
    end_errno(w, errno);
    return -1;
}

static void put_out(struct redis_wire *w)
{
    for (int i = 0; i < RECORDS_MAX && w->sent < w->out.len; i++)
        if (put(w, w->out.ptr + w->sent, w->out.len - w->sent) <= 0)
            break;
    if (w->sent == w->out.len) {
        buf_clear(&w->out);
        w->sent = 0;
    }
}

/* ---- from step to step ---- */

static void on_poll(uv_poll_t *handle, int status, int events);

static void want(struct redis_wire *w, int wanted)
{
    if (w->wanted == wanted && uv_is_active((uv_handle_t *)&w->poll))
        return;
    w->wanted = wanted;
    uv_poll_start(&w->poll, wanted, on_poll);
}

static void want_next(struct redis_wire *w)
{
    bool writes = w->crossed_read || (w->sent < w->out.len && !w->crossed_write);
    want(w, UV_READABLE | (writes ? UV_WRITABLE : 0));
}

static void opened(struct redis_wire *w)
{
    w->state = OPEN;
    w->opts.open(w->opts.cookie);
    if (w->state == OPEN)
        want_next(w);
}

static void shake(struct redis_wire *w)
{
    enum tls_result r = tls_session_handshake(w->tls);
    if (r == TLS_DONE)
        opened(w);
    else if (r == TLS_WANT_READ || r == TLS_WANT_WRITE)
        want(w, r == TLS_WANT_READ ? UV_READABLE : UV_WRITABLE);
    else
        end_tls(w, r);
}

static void connected(struct redis_wire *w)
{
    int error = 0;
    socklen_t len = sizeof error;
    if (getsockopt(w->fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0)
        error = errno;
    if (error != 0) {
        end_errno(w, error);
        return;
    }
    if (w->tls == NULL) {
        opened(w);
        return;
    }
    w->state = SHAKING;
    shake(w);
}

static void on_poll(uv_poll_t *handle, int status, int events)
{
    struct redis_wire *w = handle->data;
    wire_check(w);
    if (status < 0)
        events = UV_READABLE | UV_WRITABLE;
    if (w->state == CONNECTING) {
        connected(w);
        return;
    }
    if (w->state == SHAKING) {
        shake(w);
        return;
    }
    assert(w->state == OPEN);
    /* With TLS either may have waited for the other's event. */
    if ((events & UV_READABLE) != 0 || w->crossed_read)
        take_in(w);
    if (w->state == OPEN && w->sent < w->out.len)
        put_out(w);
    if (w->state == OPEN)
        want_next(w);
}

/* ---- for the owner ---- */

bool redis_wire_send(struct redis_wire *w, const char *bytes, size_t n, size_t commands)
{
    wire_check(w);
    assert(w->state == OPEN && n > 0 && commands > 0);
    size_t waits = w->out.len - w->sent;
    if (waits > 0 && waits + n > REDIS_WIRE_OUT_MAX)
        return false;
    if (w->sent > waits) { /* less is moved than was sent since the last time */
        memmove(w->out.ptr, w->out.ptr + w->sent, waits);
        w->out.len = waits;
        w->sent = 0;
    }
    buf_append(&w->out, bytes, n);
    w->awaited += commands;
    want_next(w);
    return true;
}

const char *redis_wire_step(const struct redis_wire *w)
{
    return w->state == CONNECTING ? "connecting"
           : w->state == SHAKING  ? "the TLS handshake"
                                  : "a reply";
}

bool redis_wire_waiting(const struct redis_wire *w)
{
    char c;
    return w->state == OPEN && recv(w->fd, &c, 1, MSG_PEEK | MSG_DONTWAIT) > 0;
}

/* ---- birth ---- */

int redis_wire_open(uv_loop_t *loop, int take_fd, const struct redis_wire_opts *opts,
                    struct redis_wire **ret)
{
    struct redis_wire *w = mem_zalloc(sizeof *w);
    int rc = uv_poll_init(loop, &w->poll, take_fd);
    if (rc < 0) {
        free(w);
        close(take_fd);
        return rc;
    }
    if (opts->tls != NULL) {
        w->tls = tls_session_new(opts->tls, take_fd, opts->server_name);
        if (w->tls == NULL)
            mem_exhausted(TLS_HANDSHAKE_BYTES);
    }
    w->poll.data = w;
    w->opts = *opts;
    w->opts.tls = NULL;
    w->opts.server_name = NULL;
    w->fd = take_fd;
    w->replies = redis_replies_new(opts->reply_bytes_max, opts->reply_depth_max);
    want(w, UV_WRITABLE);
    *ret = w;
    return 0;
}
