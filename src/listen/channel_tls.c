#include "listen/channel_tls.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/mem.h"
#include "tls/session.h"

struct tls {
    struct tls_session *session;
    enum tls_result last; /* of the session; what is not TLS_DONE or a wish is final */
    bool open;            /* the handshake is done */
};

/* Before the handshake is done there is no data, and no orderly end. */
static void tls_check(const struct tls *t)
{
    assert(t->session != NULL);
    assert(t->open || (t->last != TLS_DONE && t->last != TLS_CLOSED));
}

static bool goes_on(const struct tls *t)
{
    return t->last == TLS_DONE || t->last == TLS_WANT_READ || t->last == TLS_WANT_WRITE;
}

static ssize_t result_of(const struct tls *t)
{
    switch (t->last) {
    case TLS_CLOSED:
        return 0;
    case TLS_CUT:
        return -ECONNABORTED;
    case TLS_FAILED:
        return -EPROTO;
    default:
        return -EAGAIN;
    }
}

/* Records until there are no more, or the next one might not fit. */
static size_t read_records(struct tls *t, char *ptr, size_t room)
{
    size_t got = 0, n = 0;
    do {
        t->last = tls_session_read(t->session, ptr + got, room - got, &n);
        if (t->last == TLS_DONE)
            got += n;
    } while (t->last == TLS_DONE && room - got >= TLS_RECORD_MAX);
    return got;
}

static ssize_t tls_read(struct channel *c, char *ptr, size_t room)
{
    struct tls *t = c->session;
    if (goes_on(t) && !t->open) {
        t->last = tls_session_handshake(t->session);
        t->open = t->last == TLS_DONE;
    }
    tls_check(t);
    size_t got = goes_on(t) && t->open ? read_records(t, ptr, room) : 0;
    return got > 0 ? (ssize_t)got : result_of(t);
}

static bool tls_more(const struct channel *c, size_t room, size_t got)
{
    const struct tls *t = c->session;
    (void)room;
    (void)got;
    return t->last != TLS_WANT_READ && t->last != TLS_WANT_WRITE;
}

static size_t tls_pending(const struct channel *c)
{
    const struct tls *t = c->session;
    if (!goes_on(t)) /* the end was met behind bytes that were read, and is to be told */
        return 1;
    return t->open ? tls_session_pending(t->session) : 0;
}

static uint32_t tls_events(const struct channel *c)
{
    const struct tls *t = c->session;
    return t->last == TLS_WANT_WRITE ? EPOLLOUT : EPOLLIN;
}

static enum channel_handshake tls_handshake(const struct channel *c)
{
    const struct tls *t = c->session;
    if (t->open)
        return CHANNEL_OPEN;
    return tls_session_answered(t->session) ? CHANNEL_ANSWERED : CHANNEL_BEGINS;
}

static const char *tls_error(const struct channel *c)
{
    const struct tls *t = c->session;
    return t->last == TLS_FAILED ? tls_session_error(t->session) : NULL;
}

static void tls_close(struct channel *c)
{
    struct tls *t = c->session;
    if (t->open && t->last != TLS_FAILED)
        (void)tls_session_bye(t->session);
    tls_session_free(t->session);
    free(t);
    close(c->fd);
    c->fd = -1;
    c->session = NULL;
}

static const struct channel_ops ops = {
    .read = tls_read,
    .more = tls_more,
    .pending = tls_pending,
    .events = tls_events,
    .handshake = tls_handshake,
    .error = tls_error,
    .close = tls_close,
};

struct channel channel_tls(int fd, struct tls_bundle *b)
{
    struct tls *t = mem_zalloc(sizeof *t);
    t->session = tls_session_new(b, fd, NULL);
    if (t->session == NULL)
        mem_exhausted(TLS_SESSION_BYTES);
    t->last = TLS_WANT_READ;
    return (struct channel){ .ops = &ops, .fd = fd, .session = t };
}
