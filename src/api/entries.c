/*
 * An answer:
 *
 *     api_entries_answer    walks the log, newest first: entry_matches ? entry_put : the next one
 *       entry_put           until the limit, or API_ANSWER_BYTES, is reached
 *
 * and above it what reads the arguments that both paths have.
 */
#include "api/entries.h"

#include <assert.h>

#include "api/json.h"
#include "base/number.h"

/* ---- arguments ---- */

bool api_read_tag(struct slice value, const struct api_ask *ask, void *tags)
{
    struct api_tags *t = tags;
    (void)ask;
    if (t->n == API_TAGS_MAX)
        return false;
    t->at[t->n++] = value;
    return true;
}

bool api_read_time(struct slice value, const struct api_ask *ask, void *ms)
{
    return api_time_parse(value, ask->now_ms, ms);
}

static bool read_number(struct slice value, int64_t max, uint64_t *ret)
{
    int64_t n;
    if (!number_parse_int(value, &n) || n < 1 || n > max)
        return false;
    *ret = (uint64_t)n;
    return true;
}

bool api_read_limit(struct slice value, const struct api_ask *ask, void *limit)
{
    (void)ask;
    return read_number(value, API_LIMIT_MAX, limit);
}

bool api_read_seq(struct slice value, const struct api_ask *ask, void *seq)
{
    (void)ask;
    return read_number(value, INT64_MAX, seq);
}

/* ---- which entries ---- */

static bool has_tag(const struct event_entry *e, struct slice wanted)
{
    bool key = slice_ends(wanted, SLICE_LIT(":*"));
    struct slice start = slice_of(wanted.ptr, wanted.len - 1); /* without the '*' */
    for (uint32_t i = 0; i < e->n_tags; i++)
        if (key ? slice_starts(e->tags[i], start) : slice_eq(e->tags[i], wanted))
            return true;
    return false;
}

static bool is_word(struct slice wanted, const char *word)
{
    return wanted.ptr == NULL || (word != NULL && slice_eq(wanted, slice_str(word)));
}

static bool entry_matches(const struct event_entry *e, const struct api_filter *f)
{
    int64_t at_ms = (int64_t)e->received_ms;
    if (e->seq >= f->before || at_ms < f->since_ms || at_ms >= f->until_ms)
        return false;
    if (!is_word(f->alert_type, e->alert_type) || !is_word(f->priority, e->priority) ||
        (f->name.ptr != NULL && !slice_eq(f->name, e->title)) ||
        (f->status >= 0 && f->status != e->status))
        return false;
    for (size_t i = 0; i < f->tags.n; i++)
        if (!has_tag(e, f->tags.at[i]))
            return false;
    return true;
}

/* ---- the answer ---- */

static void entry_put(const struct event_entry *e, const struct api_listing *listing,
                      struct buf *out)
{
    char received[API_TIME_TEXT];
    json_t *entry = json_object(), *tags = json_array();
    api_time_print(e->received_ms, received);
    json_object_set_new(entry, "seq", json_integer((json_int_t)e->seq));
    json_object_set_new(entry, "received", json_string(received));
    if (e->has_timestamp)
        json_object_set_new(entry, "timestamp", json_integer(e->timestamp));
    listing->show(e, entry);
    for (uint32_t i = 0; i < e->n_tags; i++)
        json_array_append_new(tags, api_json_text(e->tags[i]));
    json_object_set_new(entry, "tags", tags);
    api_json_put_take(entry, out);
}

/* What stands behind the last entry: the brackets, total and next. */
enum { TAIL_BYTES = 80 };

enum api_status api_entries_answer(const struct api_ask *ask, const struct api_listing *listing,
                                   const struct api_filter *f, struct buf *out)
{
    const struct event_log *log = ask->from->events;
    size_t total = event_log_count(log, listing->kind);
    uint64_t shown = 0, last = 0;
    bool more = false;
    buf_printf(out, "{\"%s\":[", listing->key);
    for (size_t i = 0; i < total && !more; i++) {
        const struct event_entry *e = event_log_at(log, listing->kind, i);
        size_t len = out->len;
        assert(last == 0 || e->seq < last); /* newest first: `next` misses none */
        if (!entry_matches(e, f))
            continue;
        if (shown < f->limit) {
            buf_append_str(out, shown > 0 ? ",\n" : "\n");
            entry_put(e, listing, out);
        }
        more = shown == f->limit || (shown > 0 && out->len > API_ANSWER_BYTES - TAIL_BYTES);
        if (more) {
            out->len = len;
        } else {
            last = e->seq;
            shown++;
        }
    }
    buf_printf(out, "],\n\"total\":%zu", total);
    if (more)
        buf_printf(out, ",\"next\":%llu", (unsigned long long)last);
    buf_append_str(out, "}\n");
    return API_200;
}
