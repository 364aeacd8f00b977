#include "listen/strangers.h"

#include "base/address.h"

enum { EVERY_MS = 60000 };

uint64_t strangers_of(const struct listener *l)
{
    uint64_t n = l->streams.refused[STREAM_REFUSED_NOT_ALLOWED];
    for (unsigned i = 0; i < l->n_readers; i++)
        n += l->stats[i].not_allowed;
    return n;
}

/* One of them. */
static const struct sockaddr *example(const struct listener *l)
{
    const struct sockaddr_in6 *at = &l->streams.stranger;
    for (unsigned i = 0; i < l->n_readers; i++)
        if (l->stats[i].not_allowed > 0)
            at = &l->stats[i].stranger;
    return (const struct sockaddr *)at;
}

void strangers_log(struct listener *l, uint64_t now_ms)
{
    char from[ADDRESS_TEXT_MAX];
    uint64_t n = strangers_of(l), unused;
    if (n == l->strangers.told || !log_gate(&l->strangers.gate, EVERY_MS, now_ms, &unused))
        return;
    address_print(example(l), from);
    LOG(LOG_WARN, "senders are not allowed", F_STR("listener", l->address.name),
        F_STR("from", from),
        F_U64(transport_of(l->address.transport)->accepts ? "connections" : "datagrams",
              n - l->strangers.told),
        F_STR("remedy", "add their network to allow= of the listener's URL, or stop them"));
    l->strangers.told = n;
}
