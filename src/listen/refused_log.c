/*
 * refused_log_due     is there an example to show, or a minute to end?
 * refused_log_look    for each kind of refusal:
 *   end_minute          how many were not shown, in one line; then workers may keep new examples
 *   show                examples that the workers have kept, REFUSALS_A_ROUND a minute
 * refused_log_end     ends the minute of every kind
 */
#include "listen/refused_log.h"

#include <assert.h>
#include <string.h>

#include "base/log.h"

enum { MINUTE_MS = 60000 };

struct example {
    const struct refusal *refusal;
    const char *listener;
};

/* e NULL: no example.  Fields that are not known are left out. */
static void log_one(unsigned kind, const struct example *e, uint64_t not_shown)
{
    const bool line = kind < REASON_COUNT;
    char text[REFUSAL_TEXT_MAX + sizeof "..."];
    struct log_field fields[5];
    size_t n = 0;
    const char *reason = line ? reason_name((enum reason)kind) : "limit";
    fields[n++] = (struct log_field)F_STR("reason", reason);
    if (e != NULL) {
        const struct refusal *r = e->refusal;
        assert(r->len <= REFUSAL_TEXT_MAX);
        memcpy(text, r->text, r->len);
        memcpy(text + r->len, "...", sizeof "...");
        struct slice shown = slice_of(text, r->len + (r->cut ? strlen("...") : 0));
        fields[n++] = (struct log_field)F_SLICE(line ? "line" : "metric", shown);
        fields[n++] = (struct log_field)F_STR("listener", e->listener);
        if (r->from[0] != '\0')
            fields[n++] = (struct log_field)F_STR("from", r->from);
    }
    fields[n++] = (struct log_field)F_U64("not_shown", not_shown);
    log_fields(LOG_WARN, line ? "rejected" : "off_page", fields, n);
}

static bool is_told(const struct refused_log *l, unsigned kind)
{
    return l->on_example != NULL && kind < REASON_COUNT;
}

static bool is_logged(const struct refused_log *l, unsigned kind)
{
    return l->lines || kind >= REASON_COUNT;
}

/* Up to `room` new examples of all workers.  returns  how many */
static unsigned gather(const struct refused_log *l, unsigned kind, unsigned room,
                       struct example *ret)
{
    unsigned n = 0;
    for (unsigned w = 0; w < l->n_workers; w++) {
        struct refusals *of_worker = worker_refusals(l->workers[w]);
        for (const struct refusal *r; n < room && (r = refusals_next(of_worker, kind)) != NULL;) {
            const struct listener *from = listener_at(l->listeners, l->n_listeners, w, r->socket);
            assert(from != NULL);
            ret[n++] = (struct example){ r, from->address.name };
        }
    }
    return n;
}

/*
 * How many of those that the last turn counted are not in the log yet.  Examples may be younger
 * than the turn, so more may be logged than counted.
 */
static uint64_t not_logged(const struct refused_log *l, const struct ingest_totals *totals,
                           unsigned kind)
{
    uint64_t sum = totals->counters.v[INGEST_SAMPLES_REFUSED];
    if (kind < REASON_COUNT)
        sum = totals->rejected[kind];
    return sum > l->kinds[kind].logged ? sum - l->kinds[kind].logged : 0;
}

static void tell(const struct refused_log *l, unsigned kind, const struct example *new, unsigned n)
{
    for (unsigned i = 0; i < n && is_told(l, kind); i++)
        l->on_example(l->cookie, (enum reason)kind, new[i].refusal, new[i].listener);
}

static void kind_check(const struct refused_kind *k)
{
    assert(k->shown <= REFUSALS_A_ROUND);
    assert((k->shown > 0) == (k->ends_ms != 0)); /* the first example begins the minute */
}

static void show(struct refused_log *l, const struct ingest_totals *totals, unsigned kind,
                 uint64_t now_ms)
{
    struct refused_kind *k = &l->kinds[kind];
    struct example new[REFUSALS_A_ROUND];
    kind_check(k);
    unsigned room = REFUSALS_A_ROUND - k->shown;
    unsigned n = gather(l, kind, is_told(l, kind) ? REFUSALS_A_ROUND : room, new);
    tell(l, kind, new, n);
    if (n > 0 && is_told(l, kind) && k->renews_ms == 0)
        k->renews_ms = now_ms + REFUSED_ROUND_MS;
    if (!is_logged(l, kind))
        return;
    n = n < room ? n : room;
    if (n == 0)
        return;
    if (k->ends_ms == 0)
        k->ends_ms = now_ms + MINUTE_MS;
    uint64_t left = not_logged(l, totals, kind), not_shown = left > n ? left - n : 0;
    for (unsigned i = 0; i < n; i++)
        log_one(kind, &new[i], i + 1 == n ? not_shown : 0);
    k->logged += n + not_shown;
    k->shown += n;
    kind_check(k);
}

static void renew(struct refused_log *l, unsigned kind)
{
    for (unsigned w = 0; w < l->n_workers; w++)
        refusals_renew(worker_refusals(l->workers[w]), kind);
    l->kinds[kind].renews_ms = 0;
}

/* Let the workers keep new examples: the next minute begins with the first of them. */
static void begin_afresh(struct refused_log *l, unsigned kind)
{
    renew(l, kind);
    l->kinds[kind].shown = 0;
    l->kinds[kind].ends_ms = 0;
}

static void end_minute(struct refused_log *l, const struct ingest_totals *totals, unsigned kind)
{
    uint64_t left = not_logged(l, totals, kind);
    if (left > 0)
        log_one(kind, NULL, left);
    l->kinds[kind].logged += left;
    begin_afresh(l, kind);
}

static bool is_over(const struct refused_kind *k, uint64_t now_ms)
{
    return k->ends_ms != 0 && now_ms >= k->ends_ms;
}

static bool round_is_over(const struct refused_log *l, unsigned kind, uint64_t now_ms)
{
    const struct refused_kind *k = &l->kinds[kind];
    return is_told(l, kind) && k->renews_ms != 0 && now_ms >= k->renews_ms;
}

/* Would an example be logged, or told of? */
static bool has_room(const struct refused_log *l, unsigned kind)
{
    return is_told(l, kind) || (is_logged(l, kind) && l->kinds[kind].shown < REFUSALS_A_ROUND);
}

bool refused_log_due(const struct refused_log *l, uint64_t now_ms)
{
    for (unsigned kind = 0; kind < REFUSAL_KINDS; kind++) {
        if (is_over(&l->kinds[kind], now_ms) || round_is_over(l, kind, now_ms))
            return true;
        for (unsigned w = 0; has_room(l, kind) && w < l->n_workers; w++)
            if (refusals_pending(worker_refusals(l->workers[w]), kind))
                return true;
    }
    return false;
}

void refused_log_look(struct refused_log *l, uint64_t now_ms)
{
    struct ingest_totals totals;
    l->totals(l->counted, &totals);
    for (unsigned kind = 0; kind < REFUSAL_KINDS; kind++) {
        if (!is_logged(l, kind) && !is_told(l, kind))
            continue;
        if (is_logged(l, kind) && is_over(&l->kinds[kind], now_ms))
            end_minute(l, &totals, kind);
        show(l, &totals, kind, now_ms);
        if (round_is_over(l, kind, now_ms))
            renew(l, kind);
    }
}

void refused_log_end(struct refused_log *l, uint64_t now_ms)
{
    struct ingest_totals totals;
    refused_log_look(l, now_ms);
    l->totals(l->counted, &totals);
    for (unsigned kind = 0; kind < REFUSAL_KINDS; kind++)
        if (is_logged(l, kind))
            end_minute(l, &totals, kind);
}

void refused_log_lines(struct refused_log *l, bool on)
{
    struct ingest_totals totals;
    l->totals(l->counted, &totals);
    /* What was refused while lines were not logged never will be. */
    for (unsigned kind = 0; on && !l->lines && kind < REASON_COUNT; kind++) {
        begin_afresh(l, kind);
        l->kinds[kind].logged += not_logged(l, &totals, kind);
    }
    for (unsigned w = 0; w < l->n_workers; w++)
        refusals_keep_lines(worker_refusals(l->workers[w]), on || l->on_example != NULL);
    l->lines = on;
}
