#include "listen/stream_log.h"

#include <string.h>

#include "base/err.h"
#include "base/now.h"

enum { WAITING_EVERY_MS = 60000, REJECTED_EVERY_MS = 12000 };

static void log_other_framing(const struct listener *l)
{
    bool line = l->address.framing == FRAMING_LINE;
    LOG(LOG_WARN, "clients send the other framing", F_STR("listener", l->address.name),
        F_STR("they_send", line ? "a length before each datagram" : "lines"),
        F_STR("remedy", line ? "add framing=dsd to the listener's URL"
                             : "leave framing=dsd out of the listener's URL"));
}

static void log_tls_to_plain(const struct listener *l)
{
    bool tcp = strncmp(l->address.name, "tcp://", 6) == 0;
    LOG(LOG_WARN, "clients speak TLS where the listener does not",
        F_STR("listener", l->address.name),
        F_STR("remedy", tcp ? "add tls_cert and tls_key to the listener's URL, or turn TLS off in "
                              "the clients"
                            : "turn TLS off in the clients: Unix sockets have none"));
}

void stream_log_odd(const struct listener *l, struct stream_hints *said)
{
    uint64_t odd = 0, odd_tls = 0;
    for (unsigned i = 0; i < l->n_readers; i++) {
        odd += l->stats[i].odd;
        odd_tls += l->stats[i].odd_tls;
    }
    if (odd > 0 && !said->framing)
        log_other_framing(l);
    if (odd_tls > 0 && !said->tls)
        log_tls_to_plain(l);
    *said = (struct stream_hints){ odd > 0, odd_tls > 0 };
}

void stream_log_waiting(struct log_gate *gate, int rc)
{
    uint64_t suppressed;
    if (log_gate(gate, WAITING_EVERY_MS, now_mono_ms(), &suppressed))
        LOG(LOG_WARN, "cannot accept connections, they wait", F_STR("error", err_text(rc)),
            F_STR("remedy", "raise the limit on open files (ulimit -n, LimitNOFILE of the "
                            "service), or lower limits.max_connections"));
}

void stream_log_rejected(struct log_gate *gate, const struct listener *l,
                         const struct connection *c)
{
    char from[ADDRESS_TEXT_MAX];
    uint64_t more;
    if (!log_gate(gate, REJECTED_EVERY_MS, now_mono_ms(), &more))
        return;
    connection_print_peer(c, from);
    LOG(LOG_WARN, "connection rejected", F_STR("listener", l->address.name), F_STR("from", from),
        F_STR("error", c->tls_error != NULL ? c->tls_error : "unknown"),
        F_U64("not_logged_before", more));
}
