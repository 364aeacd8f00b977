#include "listen/transport.h"

#include <assert.h>
#include <stddef.h>

#include "listen/transport_priv.h"

enum {
    EVERY = 1 << LISTEN_GAUGE_SIGN | 1 << LISTEN_RCVBUF, /* options that every transport has */
    STREAM = 1 << LISTEN_FRAMING | 1 << LISTEN_IDLE_TIMEOUT | 1 << LISTEN_MAX_CONNECTIONS,
    TLS = 1 << LISTEN_TLS_CERT | 1 << LISTEN_TLS_KEY | 1 << LISTEN_TLS_CLIENT_CA,
    UNIX = 1 << LISTEN_MODE | 1 << LISTEN_OWNER
};

/* clang-format off */
/* A worker's epoll set and buffers, and what a connection takes inside its longest line. */
#define STREAM_TAKES                                                                               \
    .accepts = true, .reader_descriptors = 1, .reader_bytes = TRANSPORT_STREAM_BYTES,              \
    .connection_bytes = TRANSPORT_CONNECTION_BYTES

static const struct transport transports[] = {
    [LISTEN_UDP] = {
        .scheme = "udp",
        .form = "udp://HOST:PORT",
        .options = EVERY | 1 << LISTEN_SPREAD | 1 << LISTEN_ALLOW,
        .per_worker = true,
        .own_queue = true,
        .ops = &transport_udp,
    },
    [LISTEN_TCP] = {
        .scheme = "tcp",
        .form = "tcp://HOST:PORT",
        .options = EVERY | STREAM | TLS | 1 << LISTEN_MAX_PER_ADDRESS | 1 << LISTEN_ALLOW,
        STREAM_TAKES,
        .ops = &transport_tcp,
    },
    [LISTEN_UNIXGRAM] = {
        .scheme = "unixgram",
        .form = "unixgram:///PATH",
        .options = EVERY | UNIX,
        .sender_pid = true,
        .ops = &transport_unixgram,
    },
    [LISTEN_UNIX] = {
        .scheme = "unix",
        .alias = "unixstream",
        .form = "unix:///PATH",
        .options = EVERY | STREAM | UNIX,
        .sender_pid = true,
        STREAM_TAKES,
        .ops = &transport_unix,
    },
};
/* clang-format on */
static_assert(sizeof transports / sizeof transports[0] == LISTEN_TRANSPORT_COUNT,
              "every transport needs its row");

static void transport_check(const struct transport *t)
{
    assert(t->ops->parse != NULL && t->ops->open != NULL && t->ops->refuse != NULL);
    assert(t->ops->learn != NULL && t->ops->own != NULL && t->ops->source_new != NULL);
    assert(t->ops->taken != NULL && t->ops->denied != NULL);
    assert((t->ops->look == NULL) == (t->ops->remove == NULL)); /* with a file, or without */
    assert(t->options < 1u << LISTEN_OPTION_COUNT);
    assert(!t->accepts || (!t->per_worker && !t->own_queue && t->connection_bytes > 0));
}

const struct transport *transport_of(enum listen_transport t)
{
    assert(t < LISTEN_TRANSPORT_COUNT);
    transport_check(&transports[t]);
    return &transports[t];
}
