#include "listen/transport.h"

#include <assert.h>

#include "listen/transport_priv.h"

enum {
    EVERY = 1 << LISTEN_GAUGE_SIGN | 1 << LISTEN_RCVBUF /* options that every transport has */
};

/* clang-format off */
static const struct transport transports[] = {
    [LISTEN_UDP] = {
        .scheme = "udp",
        .form = "udp://HOST:PORT",
        .options = EVERY | 1 << LISTEN_SPREAD,
        .per_worker = true,
        .own_queue = true,
        .ops = &transport_udp,
    },
    [LISTEN_UNIXGRAM] = {
        .scheme = "unixgram",
        .form = "unixgram:///PATH",
        .options = EVERY | 1 << LISTEN_MODE,
        .sender_pid = true,
        .ops = &transport_unixgram,
    },
};
/* clang-format on */
static_assert(sizeof transports / sizeof transports[0] == LISTEN_TRANSPORT_COUNT,
              "every transport needs its row");

static void transport_check(const struct transport *t)
{
    assert(t->ops->parse != NULL && t->ops->open != NULL && t->ops->refuse != NULL);
    assert(t->ops->source_new != NULL && t->ops->taken != NULL && t->ops->denied != NULL);
    assert((t->ops->look == NULL) == (t->ops->remove == NULL)); /* with a file, or without */
    assert(t->options < 1u << LISTEN_OPTION_COUNT);
}

const struct transport *transport_of(enum listen_transport t)
{
    assert(t < LISTEN_TRANSPORT_COUNT);
    transport_check(&transports[t]);
    return &transports[t];
}
