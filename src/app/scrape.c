#include "app/scrape.h"

#include <stdlib.h>

#include "base/gzip.h"
#include "base/mem.h"
#include "sinks/prometheus.h"

enum { STATUS_OK = 200, STATUS_UNAVAILABLE = 503 };

/* A body and who gets it. */
struct delivery {
    uv_work_t work;
    struct scrape *scrape;
    struct buf text, gzip;
    struct http_request **to;
    size_t n;
};

static void on_asked(uv_async_t *async)
{
    struct scrape *s = async->data;
    uv_mutex_lock(&s->lock);
    size_t n = s->n_incoming;
    s->waiting = mem_grow(s->waiting, &s->cap_waiting, s->n_waiting + n, sizeof *s->waiting);
    for (size_t i = 0; i < n; i++)
        s->waiting[s->n_waiting + i].request = s->incoming[i];
    s->n_incoming = 0;
    uv_mutex_unlock(&s->lock);
    if (n == 0)
        return;
    uint64_t turn = turn_ask(s->turn, false);
    for (size_t i = 0; i < n; i++)
        s->waiting[s->n_waiting++].turn = turn;
}

int scrape_init(struct scrape *s, uv_loop_t *loop)
{
    int rc = uv_mutex_init(&s->lock);
    if (rc < 0)
        return rc;
    s->asked.data = s;
    return uv_async_init(loop, &s->asked, on_asked);
}

void scrape_ask(void *scrape, struct http_request *r)
{
    struct scrape *s = scrape;
    uv_mutex_lock(&s->lock);
    bool stopped = s->stopped;
    if (!stopped) {
        s->incoming = mem_grow(s->incoming, &s->cap_incoming, s->n_incoming + 1, sizeof(struct http_request *));
        s->incoming[s->n_incoming++] = r;
        /* Under the lock, so that it cannot come after scrape_close. */
        uv_async_send(&s->asked);
    }
    uv_mutex_unlock(&s->lock);
    if (stopped)
        http_answer(r, STATUS_UNAVAILABLE, NULL);
}

static void deliver(struct delivery *d)
{
    struct http_body *body = http_body_take(PROMETHEUS_TEXT, d->text.ptr, d->text.len);
    if (d->gzip.len > 0)
        http_body_take_gzip(body, d->gzip.ptr, d->gzip.len);
    else
        buf_release(&d->gzip);
    for (size_t i = 0; i < d->n; i++)
        http_answer(d->to[i], STATUS_OK, body);
    http_body_unref(body);
    free(d->to);
    free(d);
}

static void compress_work(uv_work_t *work)
{
    struct delivery *d = work->data;
    /* No memory for it: they get the plain form. */
    (void)gzip_append(&d->gzip, d->text.ptr, d->text.len);
}

static void compressed(uv_work_t *work, int status)
{
    (void)status;
    struct delivery *d = work->data;
    d->scrape->compressing--;
    deliver(d);
}

void scrape_turned(struct scrape *s)
{
    struct delivery *d = NULL;
    bool gzip = false;
    size_t kept = 0;
    for (size_t i = 0; i < s->n_waiting; i++) {
        struct scrape_waiter w = s->waiting[i];
        if (w.turn > s->turn->done) {
            s->waiting[kept++] = w;
            continue;
        }
        if (d == NULL) {
            d = mem_zalloc(sizeof *d);
            d->to = mem_alloc(s->n_waiting * sizeof(struct http_request *));
        }
        gzip = gzip || http_request_gzip(w.request);
        d->to[d->n++] = w.request;
    }
    s->n_waiting = kept;
    if (d == NULL)
        return;
    s->render(s->cookie, &d->text);
    d->scrape = s;
    d->work.data = d;
    if (gzip && uv_queue_work(s->asked.loop, &d->work, compress_work, compressed) == 0)
        s->compressing++;
    else
        deliver(d);
}

void scrape_stop(struct scrape *s)
{
    uv_mutex_lock(&s->lock);
    s->stopped = true;
    for (size_t i = 0; i < s->n_incoming; i++)
        http_answer(s->incoming[i], STATUS_UNAVAILABLE, NULL);
    s->n_incoming = 0;
    uv_mutex_unlock(&s->lock);
    for (size_t i = 0; i < s->n_waiting; i++)
        http_answer(s->waiting[i].request, STATUS_UNAVAILABLE, NULL);
    s->n_waiting = 0;
}

bool scrape_idle(const struct scrape *s)
{
    return s->compressing == 0;
}

void scrape_close(struct scrape *s)
{
    uv_close((uv_handle_t *)&s->asked, NULL);
    uv_mutex_destroy(&s->lock);
    free(s->incoming);
    free(s->waiting);
}
