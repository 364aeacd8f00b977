/*
 * GET and DELETE /api/v1/series
 *
 *   api_series_answer, api_series_delete_answer   arguments -> a search
 *     some          slices of the search, then of what it found
 *       put_row     a series as JSON
 */
#include <assert.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "aggregate/mapping.h"
#include "aggregate/registry_search.h"
#include "aggregate/top.h"
#include "api/args.h"
#include "api/entries.h"
#include "api/jobs.h"
#include "api/json.h"
#include "base/log.h"
#include "base/mem.h"
#include "base/now.h"

/* A search is given up when so many names took a regex to its limits: that is 0.1 s about. */
enum { LIMIT_HITS_MAX = 200 };
enum { LOOKS = 64, ROWS = 4 }; /* between two looks at the clock, at most */
enum { LONG_NS = 100000 };     /* looks that take longer are halved */
enum { TAIL_BYTES = 16384 };   /* kept for what stands behind the list */

static const char *const type_words[SAMPLE_TYPE_COUNT] = {
    [SAMPLE_COUNTER] = "counter",
    [SAMPLE_GAUGE] = "gauge",
    [SAMPLE_TIMING] = "timer",
    [SAMPLE_HISTOGRAM] = "histogram",
    [SAMPLE_DISTRIBUTION] = "distribution",
    [SAMPLE_SET] = "set",
};

/* ---- arguments ---- */

struct wanted {
    struct slice match, regex, after;
    uint64_t limit;
    uint8_t type, after_type;
};

static bool read_text(struct slice value, const struct api_ask *ask, void *to)
{
    (void)ask;
    *(struct slice *)to = value;
    return true;
}

static bool type_of(struct slice word, uint8_t *ret)
{
    for (unsigned i = 0; i < SAMPLE_TYPE_COUNT; i++) {
        if (!slice_eq(word, slice_str(type_words[i])))
            continue;
        *ret = (uint8_t)i;
        return true;
    }
    return false;
}

static bool read_type(struct slice value, const struct api_ask *ask, void *to)
{
    (void)ask;
    return type_of(value, to);
}

/* clang-format off */
#define TYPE_WANTS "counter, gauge, timer, histogram, distribution or set"
static const struct api_arg takes[] = {
    { "match", "a glob", read_text, offsetof(struct wanted, match), false },
    { "regex", "a regular expression", read_text, offsetof(struct wanted, regex), false },
    { "type", TYPE_WANTS, read_type, offsetof(struct wanted, type), false },
    { "limit", "a whole number from 1 to 1000", api_read_limit, offsetof(struct wanted, limit),
      false },
    { "after", "the `next` of the answer before", read_text, offsetof(struct wanted, after),
      false },
};
enum { DELETE_TAKES = 3 }; /* the first of them */
/* clang-format on */

static enum api_status refuse(struct buf *out, const char *argument, const char *error)
{
    api_json_error(out, slice_str(argument), slice_str(error));
    return API_400;
}

/* `after` is TYPE:KEY, where the answer before ended. */
static bool read_after(struct wanted *w)
{
    struct slice type;
    if (w->after.ptr == NULL)
        return true;
    return slice_cut(&w->after, ':', &type) && type_of(type, &w->after_type);
}

/* NULL: the error is in out */
static struct series_pattern *pattern_of(const struct wanted *w, struct buf *out)
{
    bool regex = w->regex.ptr != NULL;
    struct slice text = regex ? w->regex : w->match;
    struct buf why = { 0 };
    if (text.ptr == NULL)
        text = SLICE_LIT("*");
    struct series_pattern *p = series_pattern_new(text, regex, &why);
    if (p == NULL)
        api_json_error(out, regex ? SLICE_LIT("regex") : SLICE_LIT("match"), buf_slice(&why));
    buf_release(&why);
    return p;
}

/* ---- a series ---- */

struct job {
    const struct api_sources *from;
    struct registry_search *search;
    uint64_t begun_ns;
    int64_t now_ms;
    size_t looks; /* between two looks at the clock: as many as take a moment */
    size_t row;   /* the next one */
    size_t shown;
    struct buf pattern, next; /* next: `after` of the answer that follows; empty: none does */
    bool regex, begun;
};

static json_t *number(double x)
{
    return isfinite(x) ? json_real(x) : json_null();
}

static void put_quantile(json_t *to, const char *key, const struct exposed_view *v, double q)
{
    json_t *value = json_null();
    for (uint32_t i = 0; v->quantiles != NULL && i < v->profile->n_quantiles; i++)
        if (fabs(v->profile->quantiles[i] - q) < 1e-9)
            value = number(v->quantiles[i]);
    json_object_set_new(to, key, value);
}

static void put_value(json_t *to, const struct series_row *row)
{
    const struct exposed_view *v = &row->view;
    bool timer = row->type == SAMPLE_TIMING || row->type == SAMPLE_HISTOGRAM ||
                 row->type == SAMPLE_DISTRIBUTION;
    json_object_set_new(to, "value", row->shown && !timer ? number(v->value) : json_null());
    if (row->type == SAMPLE_SET)
        json_object_set_new(to, "members", row->shown ? number(v->value) : json_null());
    if (!timer || !row->shown)
        return;
    json_object_set_new(to, "count", number(v->count));
    json_object_set_new(to, "sum", number(v->sum));
    put_quantile(to, "p50", v, 0.5);
    put_quantile(to, "p99", v, 0.99);
}

static void put_exposed(json_t *to, const struct series_row *row)
{
    json_t *names = json_array();
    if (row->family != FAMILY_TYPE_COUNT)
        json_array_append_new(names, api_json_text(row->exposed));
    json_object_set_new(to, "exposed", names);
}

/* Of a name: where that has one series alone, it is the series'. */
static void put_rate(json_t *to, const struct job *j, const struct series_row *row)
{
    struct top_entry e;
    bool known = j->from->top != NULL && row->alone && top_find(j->from->top, row->name, &e);
    json_object_set_new(to, "samples_per_second", known ? number(e.samples) : json_null());
}

static json_t *row_json(struct job *j, const struct series_row *row)
{
    json_t *to = json_object(), *tags = json_array();
    struct buf text = { 0 };
    for (unsigned i = 0; i < row->n_tags; i++) {
        buf_clear(&text);
        registry_row_tag(j->search, row, i, &text);
        json_array_append_new(tags, api_json_text(buf_slice(&text)));
    }
    buf_release(&text);
    json_object_set_new(to, "name", api_json_text(row->name));
    json_object_set_new(to, "tags", tags);
    json_object_set_new(to, "type", json_string(type_words[row->type]));
    put_value(to, row);
    json_object_set_new(to, "last_seen_s", json_integer(j->now_ms / 1000 - (int64_t)row->idle_s));
    put_rate(to, j, row);
    const struct mapping_rule *rule = registry_search_rule(j->search, row);
    json_object_set_new(to, "rule",
                        rule != NULL ? api_json_text(slice_str(rule->match)) : json_null());
    put_exposed(to, row);
    return to;
}

/* ---- slices ---- */

/* returns  false: a search that goes on like this costs too much */
static bool search_some(struct job *j, uint64_t until_ns, bool *ret_more)
{
    struct registry_search *s = j->search;
    uint64_t now_ns = now_mono_ns(), before_ns;
    size_t scanned;
    do {
        before_ns = now_ns;
        scanned = s->scanned;
        *ret_more = registry_search_some(s, j->looks);
        now_ns = now_mono_ns();
        if (now_ns - before_ns > LONG_NS)
            j->looks = (j->looks + 1) / 2;
        else if (j->looks < LOOKS)
            j->looks++;
    } while (*ret_more && s->scanned > scanned && now_ns < until_ns); /* else it waits */
    return series_pattern_limit_hits(s->opts.pattern) <= LIMIT_HITS_MAX;
}

static void keep_next(struct job *j, const struct series_row *row)
{
    buf_clear(&j->next);
    buf_printf(&j->next, "%s:", type_words[row->type]);
    buf_append_slice(&j->next, row->key);
}

/* The next row.   returns  false: there is none, or no room for it */
static bool put_row(struct job *j, struct buf *out)
{
    struct registry_search *s = j->search;
    struct series_row row;
    size_t len = out->len;
    if (j->row == s->n_found)
        return false;
    if (registry_search_row(s, j->row, now_mono_ns(), &row)) {
        buf_append_str(out, j->shown > 0 ? ",\n" : "\n");
        api_json_put_take(row_json(j, &row), out);
        if (j->shown > 0 && out->len > API_ANSWER_BYTES - TAIL_BYTES) {
            out->len = len;
            return false;
        }
        keep_next(j, &row);
        j->shown++;
    }
    j->row++;
    return true;
}

static double took_ms(const struct job *j)
{
    return (double)(now_mono_ns() - j->begun_ns) / 1e6;
}

static void finish(struct job *j, struct buf *out)
{
    const struct registry_search *s = j->search;
    buf_printf(out, "],\n\"matched\":%zu,\"scanned\":%zu,\"took_ms\":%.3f", s->matched, s->scanned,
               took_ms(j));
    if (j->next.len > 0 && (j->row < s->n_found || s->behind > s->n_found)) {
        buf_append_str(out, ",\"next\":");
        api_json_put_take(api_json_text(buf_slice(&j->next)), out);
    }
    buf_append_str(out, "}\n");
}

static bool give_up(struct buf *out, enum api_status *ret)
{
    buf_clear(out);
    *ret = refuse(out, "regex", "tries too many ways for too many names; write a simpler one");
    return false;
}

static bool some(void *job, uint64_t until_ns, struct buf *out, enum api_status *ret)
{
    struct job *j = job;
    bool more;
    if (!search_some(j, until_ns, &more))
        return give_up(out, ret);
    if (more)
        return true;
    if (!j->begun)
        buf_append_str(out, "{\"series\":[");
    j->begun = true;
    do {
        for (unsigned i = 0; i < ROWS; i++) {
            if (put_row(j, out))
                continue;
            finish(j, out);
            return false;
        }
    } while (now_mono_ns() < until_ns);
    return true;
}

static bool delete_some(void *job, uint64_t until_ns, struct buf *out, enum api_status *ret)
{
    struct job *j = job;
    bool more, cheap = search_some(j, until_ns, &more);
    if (cheap && more)
        return true;
    LOG(LOG_INFO, "series deleted", F_SLICE(j->regex ? "regex" : "match", buf_slice(&j->pattern)),
        F_U64("series", j->search->removed), F_BOOL("all", cheap));
    if (!cheap)
        return give_up(out, ret);
    buf_printf(out, "{\"deleted\":%zu}\n", j->search->removed);
    return false;
}

static void job_free(void *job)
{
    struct job *j = job;
    registry_search_free(j->search);
    buf_release(&j->pattern);
    buf_release(&j->next);
    free(j);
}

/* ---- the paths ---- */

static enum api_status begin(const struct api_ask *ask, struct wanted *w, bool remove,
                             struct buf *out)
{
    static const struct api_job_ops find = { .some = some, .free = job_free };
    static const struct api_job_ops delete = { .some = delete_some, .free = job_free };
    if (ask->later == NULL) {
        api_json_error(out, (struct slice){ 0 },
                       SLICE_LIT("too many searches are at work; ask again in a second"));
        return API_503;
    }
    struct series_pattern *pattern = pattern_of(w, out);
    if (pattern == NULL)
        return API_400;
    struct job *j = mem_zalloc(sizeof *j);
    *j = (struct job){ .from = ask->from,
                       .begun_ns = now_mono_ns(),
                       .now_ms = ask->now_ms,
                       .looks = 1,
                       .regex = w->regex.ptr != NULL };
    const struct slice text = j->regex ? w->regex : w->match;
    if (text.ptr != NULL)
        buf_append_slice(&j->pattern, text);
    j->search = registry_search_new(ask->from->registry,
                                    &(struct registry_search_opts){ .pattern = pattern,
                                                                    .type = w->type,
                                                                    .limit = w->limit,
                                                                    .after = w->after,
                                                                    .after_type = w->after_type,
                                                                    .remove = remove });
    *ask->later = (struct api_later){ remove ? &delete : &find, j };
    return API_LATER;
}

enum api_status api_series_answer(const struct api_ask *ask, struct buf *out)
{
    struct wanted w = { .limit = API_LIMIT, .type = SEARCH_ANY_TYPE };
    if (!api_args_read(ask, takes, ARRAY_LEN(takes), &w, out))
        return API_400;
    if (w.match.ptr != NULL && w.regex.ptr != NULL)
        return refuse(out, "regex", "match or regex, not both");
    if (!read_after(&w))
        return refuse(out, "after", "after wants the `next` of the answer before");
    return begin(ask, &w, false, out);
}

enum api_status api_series_delete_answer(const struct api_ask *ask, struct buf *out)
{
    struct wanted w = { .limit = 1, .type = SEARCH_ANY_TYPE };
    if (!api_args_read(ask, takes, DELETE_TAKES, &w, out))
        return API_400;
    if ((w.match.ptr != NULL) == (w.regex.ptr != NULL))
        return refuse(out, "match", "which series? match=GLOB or regex=RE, one of them");
    return begin(ask, &w, true, out);
}
