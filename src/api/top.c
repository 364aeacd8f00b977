/*
 * GET /api/v1/top and /api/v1/senders
 *
 *   by samples, by sender    what was sampled (aggregate/top.h)
 *   by series, by tags       a census of the registry (aggregate/registry_census.h), in slices
 */
#include <stdlib.h>

#include "aggregate/registry_census.h"
#include "aggregate/top.h"
#include "api/args.h"
#include "api/jobs.h"
#include "api/json.h"
#include "base/mem.h"
#include "base/now.h"
#include "base/number.h"

enum { LIMIT = 20, SYMBOLS = 256 /* between two looks at the clock */ };

static const char *const words[] = { "samples", "series", "tags", "sender" };
enum by { BY_SAMPLES, BY_SERIES, BY_TAGS, BY_SENDER };

struct wanted {
    uint64_t limit;
    enum by by;
};

/* ---- arguments ---- */

static bool read_by(struct slice value, const struct api_ask *ask, void *to)
{
    (void)ask;
    for (int i = 0; i < (int)ARRAY_LEN(words); i++) {
        if (!slice_eq(value, slice_str(words[i])))
            continue;
        *(enum by *)to = (enum by)i;
        return true;
    }
    return false;
}

static bool read_limit(struct slice value, const struct api_ask *ask, void *to)
{
    int64_t n;
    (void)ask;
    if (!number_parse_int(value, &n) || n < 1 || n > CENSUS_MOST)
        return false;
    *(uint64_t *)to = (uint64_t)n;
    return true;
}

static const struct api_arg takes[] = {
    { "limit", "a whole number from 1 to 100", read_limit, offsetof(struct wanted, limit), false },
    { "by", "samples, series, tags or sender", read_by, offsetof(struct wanted, by), false },
};
enum { SENDERS_TAKES = 1 }; /* the first of them */

/* ---- what was sampled ---- */

static void put_sender(json_t *j, const struct top_entry *e, bool more)
{
    api_json_set_number(j, "datagrams_per_second", e->datagrams);
    if (!more)
        return;
    api_json_set_number(j, "first_seen_s", (double)e->first_ms / 1000);
    api_json_set_number(j, "last_seen_s", (double)e->last_ms / 1000);
    api_json_set_number(j, "rejected", e->rejected);
}

static json_t *entry_json(const struct top_entry *e, bool sender, bool more)
{
    json_t *j = json_object();
    json_object_set_new(j, sender ? "sender" : "name", api_json_text(e->key));
    api_json_set_number(j, "samples_per_second", e->samples);
    if (sender)
        put_sender(j, e, more);
    api_json_set_number(j, "error", e->error);
    return j;
}

static json_t *head(enum by by, double share, unsigned window_s, json_t *top)
{
    json_t *j = json_object();
    json_object_set_new(j, "by", json_string(words[by]));
    api_json_set_number(j, "share", share);
    json_object_set_new(j, "window_s", json_integer(window_s));
    json_object_set_new(j, "top", top);
    return j;
}

static void put(json_t *j, struct buf *out)
{
    api_json_put_take(j, out);
    buf_append_char(out, '\n');
}

static enum api_status answer_sampled(const struct api_ask *ask, const struct wanted *w, bool more,
                                      struct buf *out)
{
    struct top_entry largest[CENSUS_MOST];
    const struct top *t = ask->from->top;
    const bool sender = w->by == BY_SENDER;
    json_t *rows = json_array();
    size_t n = 0;
    if (t != NULL)
        n = top_largest(t, sender ? TOP_SENDERS : TOP_NAMES, w->limit, largest);
    for (size_t i = 0; i < n; i++)
        json_array_append_new(rows, entry_json(&largest[i], sender, more));
    put(head(w->by, t != NULL ? top_share(t) : 0, TOP_WINDOW_S, rows), out);
    return API_200;
}

/* ---- a census ---- */

struct job {
    struct wanted wanted;
    struct registry_census census;
};

static json_t *row_json(const struct census_row *row, enum by by)
{
    json_t *j = json_object();
    const struct slice text = slice_of(row->text, row->len);
    json_object_set_new(j, by == BY_TAGS ? "tag" : "name", api_json_text(text));
    api_json_set_count(j, by == BY_TAGS ? "values" : "series", row->n);
    if (by == BY_TAGS)
        json_object_set_new(j, "name",
                            row->metric_len > 0
                                ? api_json_text(slice_of(row->metric, row->metric_len))
                                : json_null());
    return j;
}

static bool some(void *job, uint64_t until_ns, struct buf *out, enum api_status *ret)
{
    struct job *j = job;
    const struct registry_census *c = &j->census;
    const enum by by = j->wanted.by;
    while (registry_census_some(&j->census, SYMBOLS))
        if (now_mono_ns() >= until_ns)
            return true;
    const struct census_row *rows = by == BY_TAGS ? c->tags : c->names;
    const size_t n = by == BY_TAGS ? c->n_tags : c->n_names;
    json_t *top = json_array();
    for (size_t i = 0; i < n && i < j->wanted.limit; i++)
        json_array_append_new(top, row_json(&rows[i], by));
    put(head(by, 1, 0, top), out);
    *ret = API_200;
    return false;
}

static void job_free(void *job)
{
    registry_census_end(&((struct job *)job)->census);
    free(job);
}

static enum api_status begin(const struct api_ask *ask, const struct wanted *w, struct buf *out)
{
    static const struct api_job_ops ops = { .some = some, .free = job_free };
    if (ask->later == NULL) {
        api_json_error(out, (struct slice){ 0 },
                       SLICE_LIT("too many searches are at work; ask again in a second"));
        return API_503;
    }
    struct job *j = mem_zalloc(sizeof *j);
    j->wanted = *w;
    registry_census_begin(&j->census, ask->from->registry);
    *ask->later = (struct api_later){ &ops, j };
    return API_LATER;
}

/* ---- the paths ---- */

enum api_status api_top_answer(const struct api_ask *ask, struct buf *out)
{
    struct wanted w = { .limit = LIMIT, .by = BY_SAMPLES };
    if (!api_args_read(ask, takes, ARRAY_LEN(takes), &w, out))
        return API_400;
    if (w.by == BY_SERIES || w.by == BY_TAGS)
        return begin(ask, &w, out);
    return answer_sampled(ask, &w, false, out);
}

enum api_status api_senders_answer(const struct api_ask *ask, struct buf *out)
{
    struct wanted w = { .limit = LIMIT, .by = BY_SENDER };
    if (!api_args_read(ask, takes, SENDERS_TAKES, &w, out))
        return API_400;
    return answer_sampled(ask, &w, true, out);
}
