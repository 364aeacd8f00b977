/**
 * rate: how many requests there may be, of all clients together.  One bucket with `burst` tokens,
 * which gets one more each interval.
 *   thread   any
 */
#ifndef HTTP_RATE_H
#define HTTP_RATE_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

enum { HTTP_RATE_INTERVAL_MAX_MS = 3600 * 1000, HTTP_RATE_BURST_MAX = 1000000 };

struct http_rate {
    pthread_mutex_t lock;
    int64_t interval_ns; /* 0: no limit */
    int64_t room_ns;     /* the bucket, in time */
    int64_t empty_ns;    /* when it was, or would have been, empty */
};

void http_rate_init(struct http_rate *r); /* no limit */
void http_rate_release(struct http_rate *r);

/* The bucket is full afterwards, unless nothing changes.  burst: 1 to HTTP_RATE_BURST_MAX */
void http_rate_set(struct http_rate *r, uint64_t interval_ms, uint32_t burst);

/* Take a token.  returns false: there is none */
bool http_rate_take(struct http_rate *r, uint64_t now_ns);

#endif
