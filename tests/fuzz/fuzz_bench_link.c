/**
 * Any bytes as what a peer says to a master of statsd-bench, before it has shown a token or after:
 * without one it does not become a worker, and what a worker reports fits what the page and the
 * reports can show.  Its first two bytes are whether it is one already, and the length of a piece.
 */
#include <assert.h>
#include <math.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

#include "base/now.h"
#include "live/fleet.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { HEAD = 2 };

static void check_text(const char *text, size_t size)
{
    size_t n = strnlen(text, size);
    assert(n < size);
    for (size_t i = 0; i < n; i++)
        assert(text[i] >= ' ' && text[i] <= '~');
}

static void check(const struct fleet *f, bool worker)
{
    const struct fleet_worker *w = &f->at[0];
    struct tally_totals sum;
    if (f->n == 0) {
        assert(!worker && f->refused == 1);
        return;
    }
    assert(worker || w->state == FLEET_joining);
    check_text(w->name, sizeof w->name);
    check_text(w->join.name, sizeof w->join.name);
    check_text(w->why, sizeof w->why);
    assert(w->lasted_s <= 60 && w->lines_per_s >= 0 && isfinite(w->lines_per_s));
    load_fleet.totals(f, &sum);
    assert(sum.lines <= INT64_MAX && sum.datagrams <= INT64_MAX && sum.error >= 0);
    assert(sum.increments >= 0 && sum.forgiven >= 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int pair[2];
    if (size < HEAD || socketpair(AF_UNIX, SOCK_STREAM, 0, pair) < 0)
        return 0;
    bool worker = data[0] & 1;
    size_t piece = (size_t)data[1] * 16 + 1;
    struct fleet f = { .listen_fd = -1, .wake_fd = -1, .n = 1, .duration_s = 60 };
    const struct token token = { "0123456789abcdef" };
    f.opts.token = token;
    f.start_ns = now_mono_ns();
    f.at[0] = (struct fleet_worker){ .state = worker ? FLEET_sending : FLEET_joining,
                                     .heard_ms = now_mono_ms() };
    if (worker)
        memcpy(f.at[0].name, "w", sizeof "w");
    wire_open(&f.at[0].wire, pair[0]);
    f.sending = true;
    for (size_t at = HEAD; at < size; at += piece) {
        size_t n = size - at < piece ? size - at : piece;
        if (send(pair[1], data + at, n, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
            break;
        fleet_step(&f, 0);
        check(&f, worker);
    }
    struct wire peer;
    wire_open(&peer, pair[1]);
    wire_close(&peer);
    fleet_step(&f, 0);
    check(&f, worker);
    fleet_end(&f);
    return 0;
}
