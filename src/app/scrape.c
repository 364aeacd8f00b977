#include "app/scrape.h"

#include <stdlib.h>

#include "base/mem.h"

enum { STATUS_UNAVAILABLE = 503 };

static void take_incoming(struct scrape *s)
{
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

static void step_all(struct scrape *s)
{
    for (struct exposition **at = &s->under_way; *at != NULL;) {
        struct exposition *e = *at;
        bool more = exposition_step(e);
        if (more && !(s->stopped && exposition_made(e))) {
            at = &e->next;
        } else {
            *at = e->next;
            exposition_free(e);
        }
    }
}

static void on_asked(uv_async_t *async)
{
    struct scrape *s = async->data;
    take_incoming(s);
    step_all(s);
}

/* on_read and compressor: any thread. */
static void go_on(void *scrape)
{
    uv_async_send(&((struct scrape *)scrape)->asked);
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

/* One more than may be, or more left for slow readers than may be: the oldest go. */
static void make_room(struct scrape *s)
{
    unsigned n = 0;
    size_t left = 0;
    for (struct exposition *e = s->under_way; e != NULL; e = e->next) {
        bool made = exposition_made(e);
        n += !made;
        left += made ? exposition_held(e) : 0;
        if (made ? left > SCRAPE_LEFT_BYTES : n >= SCRAPE_UNDER_WAY_MAX)
            exposition_cut(e);
    }
}

void scrape_turned(struct scrape *s)
{
    struct http_request **to = mem_alloc(s->n_waiting * sizeof(struct http_request *));
    size_t n = 0, kept = 0;
    for (size_t i = 0; i < s->n_waiting; i++) {
        if (s->waiting[i].turn > s->turn->done)
            s->waiting[kept++] = s->waiting[i];
        else
            to[n++] = s->waiting[i].request;
    }
    s->n_waiting = kept;
    if (n > 0) {
        make_room(s);
        struct exposition *e = exposition_new(&s->source, to, n, go_on, s);
        e->next = s->under_way;
        s->under_way = e;
        step_all(s);
    }
    free(to);
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
    step_all(s);
}

bool scrape_idle(const struct scrape *s)
{
    return s->under_way == NULL;
}

void scrape_cut(struct scrape *s)
{
    for (struct exposition *e = s->under_way; e != NULL; e = e->next)
        exposition_cut(e);
    go_on(s);
}

void scrape_close(struct scrape *s)
{
    uv_close((uv_handle_t *)&s->asked, NULL);
    uv_mutex_destroy(&s->lock);
    free(s->incoming);
    free(s->waiting);
}
