/*
 * Requests and expositions:
 *
 *     on_asked      the loop: requests have come in, or an exposition may go on
 *     serve         the desk: these requests' turn is over; begin their expositions, by party
 *     step_all      every exposition goes on, and what is over leaves
 *     scrape_show   another registry is shown; the one before leaves when it is no longer read
 */
#include <assert.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/now.h"
#include "expose/scrape_priv.h"

enum { STATUS_UNAVAILABLE = 503 };

/* ---- registries ---- */

static void source_free(struct scrape_source *from)
{
    for (unsigned i = 0; i < WRITER_COUNT; i++)
        from->at.writers[i]->ops->close(from->at.writers[i]);
    free(from);
}

static bool is_read(const struct scrape *s, const struct scrape_source *from)
{
    for (const struct exposition *e = s->under_way; e != NULL; e = e->next)
        if (e->source == &from->at)
            return true;
    return false;
}

static void leave_earlier(struct scrape *s)
{
    struct scrape_source **at = s->shown == NULL ? NULL : &s->shown->next;
    while (at != NULL && *at != NULL) {
        struct scrape_source *from = *at;
        if (is_read(s, from)) {
            at = &from->next;
            continue;
        }
        *at = from->next;
        s->left(s->source.cookie, from->at.registry);
        source_free(from);
    }
}

void scrape_show(struct scrape *s, struct registry *r)
{
    struct scrape_source *from = mem_zalloc(sizeof *from);
    assert(s->shown == NULL || s->left != NULL);
    from->at = s->source;
    from->at.registry = r;
    for (unsigned i = 0; i < WRITER_COUNT; i++)
        from->at.writers[i] =
            writers[i]->open(&(struct writer_opts){ .registry = r, .zero_ms = s->zero_ms });
    from->next = s->shown;
    s->shown = from;
    leave_earlier(s);
}

/* ---- expositions ---- */

static void step_all(struct scrape *s)
{
    for (struct exposition **at = &s->under_way; *at != NULL;) {
        struct exposition *e = *at;
        bool more = exposition_step(e);
        if (e->whole)
            s->page[e->form] = e->delivered;
        if (more && !(s->stopped && exposition_made(e))) {
            at = &e->next;
        } else {
            *at = e->next;
            exposition_free(e);
        }
    }
    leave_earlier(s);
}

static void on_asked(uv_async_t *async)
{
    struct scrape *s = async->data;
    http_desk_look(&s->desk);
    step_all(s);
}

/* For a request, a reader or the compressor: any thread. */
static void wake(void *scrape)
{
    uv_async_send(&((struct scrape *)scrape)->asked);
}

/* ---- a turn is over ---- */

struct asker {
    struct http_request *request;
    unsigned form;
    uint64_t who;
};

static int by_form_and_who(const void *left, const void *right)
{
    const struct asker *a = left, *b = right;
    if (a->form != b->form)
        return a->form < b->form ? -1 : 1;
    return (a->who > b->who) - (a->who < b->who);
}

/* Of the n askers, sorted: how many the first one's exposition is for. */
static size_t party_of(const struct scrape *s, const struct asker *asker, size_t n)
{
    /* From the lag on a faster reader may leave a slower one behind.  The last place is for all. */
    bool apart = s->page[asker->form] > EXPOSITION_LAG_BYTES && scrape_places(s) > 1;
    size_t i = 1;
    while (i < n && asker[i].form == asker->form && (!apart || asker[i].who == asker->who))
        i++;
    return i;
}

static void begin(struct scrape *s, const struct asker *askers, size_t n)
{
    uint64_t *newcomers = mem_alloc(n * sizeof *newcomers);
    struct http_request **to = mem_alloc(n * sizeof(struct http_request *));
    for (size_t i = 0; i < n; i++) {
        newcomers[i] = askers[i].who;
        to[i] = askers[i].request;
    }
    /* Its desk has closed, and answers by itself; and nobody is served before there is a page. */
    assert(!s->stopped && s->shown != NULL);
    if (scrape_make_room(s, newcomers, n)) {
        assert(scrape_places(s) > 0);
        struct exposition *e = exposition_new(&s->shown->at, askers->form, to, n, wake, s);
        e->next = s->under_way;
        s->under_way = e;
    } else {
        s->source.stats->refused += n;
        for (size_t i = 0; i < n; i++)
            http_answer(to[i], STATUS_UNAVAILABLE, NULL);
    }
    free(to);
    free(newcomers);
}

static void refuse(const char *text, struct http_request *const *to, size_t n)
{
    struct buf line = { 0 };
    buf_printf(&line, "%s\n", text);
    struct http_body *body = http_body_take("text/plain; charset=utf-8", line.ptr, line.len);
    for (size_t i = 0; i < n; i++)
        http_answer(to[i], STATUS_UNAVAILABLE, body);
    http_body_unref(body);
}

static void serve(void *scrape, struct http_request *const *to, size_t n)
{
    struct scrape *s = scrape;
    if (s->refusal != NULL) {
        refuse(s->refusal, to, n);
        return;
    }
    struct asker *askers = mem_alloc(n * sizeof *askers);
    for (size_t i = 0; i < n; i++)
        askers[i] = (struct asker){ to[i], exposition_form_of(to[i]), http_request_who(to[i]) };
    qsort(askers, n, sizeof *askers, by_form_and_who);
    for (size_t first = 0, party; first < n; first += party) {
        party = party_of(s, askers + first, n - first);
        begin(s, askers + first, party);
    }
    free(askers);
    step_all(s);
}

/* ---- its life ---- */

int scrape_new(const struct scrape_opts *opts, struct scrape **ret)
{
    struct scrape *s = mem_zalloc(sizeof *s);
    /* Once, so that a time of birth stays the same when the wall clock is set. */
    s->zero_ms = now_wall_ms() - (int64_t)(now_mono_ns() / 1000000);
    int rc = uv_async_init(opts->loop, &s->asked, on_asked);
    if (rc < 0) {
        free(s);
        return rc;
    }
    s->asked.data = s;
    http_desk_init(&s->desk, &(struct http_desk_opts){ .ask_turn = opts->ask_turn,
                                                       .turn_cookie = opts->turn,
                                                       .serve = serve,
                                                       .wake = wake,
                                                       .cookie = s });
    s->source = (struct exposition_source){
        .loop = opts->loop, .put_own = opts->put_own, .cookie = opts->own, .stats = opts->stats
    };
    s->left = opts->left;
    if (opts->registry != NULL)
        scrape_show(s, opts->registry);
    *ret = s;
    return 0;
}

int64_t scrape_zero_ms(const struct scrape *s)
{
    return s->zero_ms;
}

struct http_mailbox *scrape_mailbox(struct scrape *s)
{
    return &s->desk.mailbox;
}

void scrape_turned(struct scrape *s, uint64_t done)
{
    http_desk_turned(&s->desk, done);
}

void scrape_refused(struct scrape *s, uint64_t done, const char *text)
{
    s->refusal = text;
    http_desk_turned(&s->desk, done);
    s->refusal = NULL;
}

void scrape_stop(struct scrape *s)
{
    s->stopped = true;
    http_desk_close(&s->desk);
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
    wake(s);
}

void scrape_cut_earlier(struct scrape *s)
{
    for (struct exposition *e = s->under_way; e != NULL; e = e->next)
        if (e->source != &s->shown->at)
            exposition_cut(e);
    step_all(s);
}

static void on_closed(uv_handle_t *asked)
{
    free(asked->data);
}

void scrape_free(struct scrape *s)
{
    if (s == NULL)
        return;
    http_desk_release(&s->desk);
    leave_earlier(s);
    if (s->shown != NULL)
        source_free(s->shown);
    uv_close((uv_handle_t *)&s->asked, on_closed);
}

static uint64_t smaller(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

uint64_t scrape_memory(uint64_t page, uint32_t connections)
{
    uint64_t left = smaller(connections * page, SCRAPE_LEFT_BYTES); /* rendered, for slow readers */
    return smaller(page, EXPOSITION_PENDING_BYTES) + PACKER_BYTES + left / SCRAPE_UNDER_WAY_MAX;
}
