#include "http/rate.h"

#include <assert.h>

void http_rate_init(struct http_rate *r)
{
    *r = (struct http_rate){ 0 };
    pthread_mutex_init(&r->lock, NULL);
}

void http_rate_release(struct http_rate *r)
{
    pthread_mutex_destroy(&r->lock);
}

void http_rate_set(struct http_rate *r, uint64_t interval_ms, uint32_t burst)
{
    assert(interval_ms <= HTTP_RATE_INTERVAL_MAX_MS && burst <= HTTP_RATE_BURST_MAX);
    assert(interval_ms == 0 || burst > 0);
    int64_t interval_ns = (int64_t)interval_ms * 1000000, room_ns = interval_ns * burst;
    pthread_mutex_lock(&r->lock);
    if (interval_ns != r->interval_ns || room_ns != r->room_ns) {
        r->interval_ns = interval_ns;
        r->room_ns = room_ns;
        r->empty_ns = INT64_MIN; /* long ago */
    }
    pthread_mutex_unlock(&r->lock);
}

bool http_rate_take(struct http_rate *r, uint64_t now_ns)
{
    pthread_mutex_lock(&r->lock);
    bool good = r->interval_ns == 0;
    if (!good) {
        /* Tokens are time that went by since the bucket was empty; more than its room is lost. */
        int64_t now = (int64_t)now_ns, full_ns = now - r->room_ns;
        if (r->empty_ns < full_ns)
            r->empty_ns = full_ns;
        good = r->empty_ns + r->interval_ns <= now;
        if (good)
            r->empty_ns += r->interval_ns;
    }
    pthread_mutex_unlock(&r->lock);
    return good;
}
