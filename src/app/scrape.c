#include "app/scrape.h"

#include <stdlib.h>

#include "app/scrape_room.h"
#include "base/mem.h"
#include "base/now.h"

enum { STATUS_UNAVAILABLE = 503 };

/* From this weight on (scrape_room.h) an exposition may be pushed out by others, whatever it has been read before. */
static const uint64_t quiet_ns = 500000000;

static void take_incoming(struct scrape *s)
{
    struct http_request *const *incoming;
    size_t n = http_mailbox_take(&s->mailbox, &incoming);
    if (n == 0)
        return;
    uint64_t turn = turn_ask(s->turn, false);
    s->waiting = mem_grow(s->waiting, &s->cap_waiting, s->n_waiting + n, sizeof *s->waiting);
    for (size_t i = 0; i < n; i++)
        s->waiting[s->n_waiting++] = (struct scrape_waiter){ incoming[i], turn };
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

/* A request, on_read and compressor: any thread. */
static void go_on(void *scrape)
{
    uv_async_send(&((struct scrape *)scrape)->asked);
}

int scrape_init(struct scrape *s, uv_loop_t *loop)
{
    http_mailbox_init(&s->mailbox, go_on, s);
    s->asked.data = s;
    return uv_async_init(loop, &s->asked, on_asked);
}

/* ---- room for another exposition ---- */

/* Expositions that are over, but for the compressor, take no room. */
static bool takes_room(const struct exposition *e, bool made)
{
    return !exposition_over(e) && exposition_made(e) == made;
}

static void collect_readers(struct room *room, size_t *cap, const struct exposition *e, uint64_t now_ns)
{
    struct http_reading some[64], *all = some;
    size_t n = exposition_readings(e, now_ns, some, ARRAY_LEN(some));
    if (n > ARRAY_LEN(some)) {
        size_t fits = n;
        all = mem_alloc(fits * sizeof *all);
        n = exposition_readings(e, now_ns, all, fits);
        n = n < fits ? n : fits;
    }
    room->readers = mem_grow(room->readers, cap, room->n + n, sizeof *room->readers);
    for (size_t i = 0; i < n; i++)
        room->readers[room->n++] = (struct room_reader){ room->n_pages, all[i].who, all[i].quiet_ns, all[i].age_ns };
    if (all != some)
        free(all);
}

/* Cut off the exposition that is read least, of those that are made or of those that are not.  returns  false: all are being read */
static bool cut_worst(struct scrape *s, bool made, const uint64_t *newcomers, size_t n_newcomers)
{
    struct room room = { .least_ns = made ? 0 : quiet_ns, .newcomers = newcomers, .n_newcomers = n_newcomers };
    size_t n = 0, cap = 0, worst;
    uint64_t now_ns = now_mono_ns();
    for (struct exposition *e = s->under_way; e != NULL; e = e->next)
        n++;
    struct exposition **pages = mem_alloc(n * sizeof(struct exposition *));
    bool *may_go = mem_alloc(n * sizeof *may_go);
    for (struct exposition *e = s->under_way; e != NULL; e = e->next) {
        if (exposition_over(e))
            continue;
        collect_readers(&room, &cap, e, now_ns);
        pages[room.n_pages] = e;
        may_go[room.n_pages++] = takes_room(e, made);
    }
    room.may_go = may_go;
    bool found = scrape_room_worst(&room, &worst);
    if (found)
        exposition_cut(pages[worst]);
    free(room.readers);
    free(pages);
    free(may_go);
    return found;
}

/* For one more exposition.  returns  false: there is none, and those who are there read */
static bool make_room(struct scrape *s, const uint64_t *newcomers, size_t n_newcomers)
{
    for (;;) {
        unsigned n = 0;
        size_t left = 0;
        for (const struct exposition *e = s->under_way; e != NULL; e = e->next) {
            n += takes_room(e, false);
            left += takes_room(e, true) ? exposition_held(e) : 0;
        }
        if (n < SCRAPE_UNDER_WAY_MAX && left <= SCRAPE_LEFT_BYTES)
            return true;
        if (!cut_worst(s, left > SCRAPE_LEFT_BYTES, newcomers, n_newcomers))
            return false;
    }
}

static void begin(struct scrape *s, struct http_request *const *to, size_t n)
{
    uint64_t *newcomers = mem_alloc(n * sizeof *newcomers);
    for (size_t i = 0; i < n; i++)
        newcomers[i] = http_request_who(to[i]);
    if (make_room(s, newcomers, n)) {
        struct exposition *e = exposition_new(&s->source, to, n, go_on, s);
        e->next = s->under_way;
        s->under_way = e;
    } else {
        s->source.stats->refused += n;
        for (size_t i = 0; i < n; i++)
            http_answer(to[i], STATUS_UNAVAILABLE, NULL);
    }
    free(newcomers);
    step_all(s);
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
    if (n > 0)
        begin(s, to, n);
    free(to);
}

void scrape_stop(struct scrape *s)
{
    s->stopped = true;
    http_mailbox_close(&s->mailbox);
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
    http_mailbox_release(&s->mailbox);
    free(s->waiting);
}

static uint64_t smaller(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

uint64_t scrape_form_memory(uint64_t page, uint32_t connections)
{
    uint64_t left = smaller(connections * page, SCRAPE_LEFT_BYTES);   /* made, for slow readers */
    return smaller(page, EXPOSITION_PENDING_BYTES) + left / SCRAPE_FORMS_MAX;
}
