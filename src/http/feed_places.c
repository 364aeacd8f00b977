/* How many readers feeds have: of all addresses, and of one. */
#include "http/connections.h"
#include "http/feed.h"
#include "http/http_priv.h"

/* Of the places, for one address. */
enum { SHARE_PART = 4, SHARE_LEAST = 4 };

uint32_t http_feeds_share(const struct http_feeds *all, uint64_t who, uint32_t places)
{
    uint32_t most = all->max_per_ip;
    if (most == 0 && http_connections_is_loopback(who))
        return places;
    if (most == 0)
        most = places / SHARE_PART > SHARE_LEAST ? places / SHARE_PART : SHARE_LEAST;
    return most < places ? most : places;
}

static bool take_place(struct http_feeds *all)
{
    uint32_t n = atomic_load_explicit(&all->open, memory_order_relaxed);
    do {
        if (n >= all->max)
            return false;
    } while (!atomic_compare_exchange_weak_explicit(&all->open, &n, n + 1, memory_order_relaxed,
                                                    memory_order_relaxed));
    return true;
}

const char *http_feeds_enter(struct http_feeds *all, struct http_connection *c)
{
    if (!take_place(all)) {
        atomic_fetch_add_explicit(&all->refused, 1, memory_order_relaxed);
        return "too many streams are open; http.max_streams is their limit";
    }
    if (!http_connection_streams(c, http_feeds_share(all, http_connection_who(c), all->max))) {
        atomic_fetch_sub_explicit(&all->open, 1, memory_order_relaxed);
        atomic_fetch_add_explicit(&all->refused_per_ip, 1, memory_order_relaxed);
        return "too many streams of this address are open; http.max_streams_per_ip is their limit";
    }
    atomic_fetch_add_explicit(&all->opened, 1, memory_order_relaxed);
    return NULL;
}

void http_feed_refused(struct http_request *r, bool of_address)
{
    struct http_feeds *all = &r->server->feeds;
    atomic_fetch_add_explicit(of_address ? &all->refused_per_ip : &all->refused, 1,
                              memory_order_relaxed);
}

uint32_t http_request_share(const struct http_request *r, uint32_t places)
{
    return http_feeds_share(&r->server->feeds, r->who, places);
}
