/**
 *   explain_core_datagram -> lane (explain_exposition.c) -> on_cut, on_batch, on_event, on_check
 *                                                           on_rejected: a line, by the parser
 *                                                           on_refused: a sample, on adding it
 *   explain_core_close, explain_core_exposition -> explain_exposition_close
 */
#include "explain/explain_core.h"

#include <assert.h>
#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "explain/explain_exposition.h"
#include "explain/explain_room.h"
#include "explain/explain_rule.h"
#include "core/core_opts.h"
#include "protocol/event.h"
#include "protocol/tags.h"

struct explain_machine {
    struct tags_opts tags_opts;
    struct tags tags;
    json_t *cut; /* of the batch to come: lists of tags, by the place of their sample */
    struct explain_exposition *exposition;
    struct explain_rules rules;     /* zeroed without a mapping file */
    struct explain_refused refused; /* by the lane */
};

static void explain_core_check(const struct explain_core *x)
{
    assert(x->config != NULL && x->machine != NULL);
    assert(json_is_array(x->samples) && json_is_array(x->events) && json_is_array(x->checks));
    assert(json_is_array(x->rules));
    assert(json_is_object(x->counters));
    assert(x->n_errors <= x->cap_errors);
}

/* The parser hands out valid UTF-8 alone; null in the output would show that it did not. */
static json_t *text(struct slice s)
{
    json_t *j = json_stringn(s.len > 0 ? s.ptr : "", s.len);
    return j != NULL ? j : json_null();
}

static void set(json_t *object, const char *key, json_t *value)
{
    int rc = json_object_set_new(object, key, value);
    assert(rc == 0);
    (void)rc;
}

static void set_text(json_t *object, const char *key, struct slice s)
{
    if (s.ptr != NULL)
        set(object, key, text(s));
}

static json_t *texts(const struct slice *at, uint32_t n)
{
    json_t *list = json_array();
    for (uint32_t i = 0; i < n; i++)
        json_array_append_new(list, text(at[i]));
    return list;
}

static void on_event(void *cookie, const struct event *e, uint64_t at_ns)
{
    (void)at_ns;
    struct explain_core *x = cookie;
    json_t *j = json_object();
    set_text(j, "title", e->title);
    set_text(j, "text", e->text);
    if (e->has_timestamp)
        set(j, "timestamp", json_integer(e->timestamp));
    set_text(j, "hostname", e->hostname);
    set_text(j, "aggregation_key", e->aggregation_key);
    set(j, "priority", json_string(e->priority));
    set_text(j, "source_type", e->source_type);
    set(j, "alert_type", json_string(e->alert_type));
    set(j, "tags", texts(e->tags, e->n_tags));
    explain_room_event(x, j);
}

static void on_check(void *cookie, const struct service_check *c, uint64_t at_ns)
{
    (void)at_ns;
    struct explain_core *x = cookie;
    json_t *j = json_object();
    set_text(j, "name", c->name);
    set(j, "status", json_integer(c->status));
    if (c->has_timestamp)
        set(j, "timestamp", json_integer(c->timestamp));
    set_text(j, "hostname", c->hostname);
    set_text(j, "message", c->message);
    set(j, "tags", texts(c->tags, c->n_tags));
    explain_room_check(x, j);
}

static void on_cut(void *cookie, uint32_t sample, struct slice tag)
{
    struct explain_core *x = cookie;
    char place[16];
    if (x->bounded && x->room == 0)
        return;
    snprintf(place, sizeof place, "%u", sample);
    json_t *list = json_object_get(x->machine->cut, place);
    if (list == NULL) {
        list = json_array();
        set(x->machine->cut, place, list);
    }
    json_array_append_new(list, text(tag));
}

static void on_rejected(void *cookie, const struct parse_error *e)
{
    explain_room_error(cookie, e->reason, e->line, e->at);
}

void explain_core_free(struct explain_core *x)
{
    if (x == NULL)
        return;
    explain_core_clear(x);
    json_decref(x->samples);
    json_decref(x->events);
    json_decref(x->checks);
    json_decref(x->rules);
    json_decref(x->counters);
    json_decref(x->machine->cut);
    free(x->errors);
    free(x->lines);
    explain_exposition_free(x->machine->exposition);
    explain_rules_release(&x->machine->rules);
    free(x->machine);
    free(x);
}

static json_t *tags_object(const struct tags *tags)
{
    json_t *j = json_object();
    for (uint32_t i = 0; i < tags->n; i++) {
        char *key = mem_strndup(tags->at[i].key.ptr, tags->at[i].key.len);
        set(j, key, text(tags->at[i].value));
        free(key);
    }
    return j;
}

/* Which tags of aggregate.global_tags the sample has; NULL: none. */
static json_t *added(const struct explain_machine *m)
{
    json_t *list = NULL;
    for (uint32_t i = 0; i < m->tags.n; i++) {
        const struct tag *t = &m->tags.at[i];
        if (t->order >= m->tags_opts.n_added) /* it came with the line */
            continue;
        list = list == NULL ? json_array() : list;
        json_array_append_new(list, json_sprintf("%.*s:%.*s", (int)t->key.len, t->key.ptr,
                                                 (int)t->value.len, t->value.ptr));
    }
    return list;
}

static void set_cut_and_added(const struct explain_machine *m, uint32_t place, json_t *sample)
{
    char key[16];
    snprintf(key, sizeof key, "%u", place);
    json_t *cut = json_object_get(m->cut, key), *new = added(m);
    if (cut != NULL)
        json_object_set(sample, "tags_cut", cut);
    if (new != NULL)
        set(sample, "tags_added", new);
}

/* The aggregation refuses a value that would make a sum infinite, and counts it; JSON has no
 * infinity either. */
static double finite_sum(double sum, double v)
{
    return isfinite(sum + v) ? sum + v : sum;
}

/* Keep by how much each counter went down, which /metrics does not show; with a scale below 0, by
 * how much it went up. */
static void add_to_counter(struct explain_core *x, const json_t *sample, double rate, double scale)
{
    json_t *values = json_object_get(sample, "values"), *value;
    char *tags = json_dumps(json_object_get(sample, "tags"), JSON_SORT_KEYS);
    struct buf key = { 0 };
    double down = 0;
    bool up = false;
    size_t i;
    json_array_foreach(values, i, value) {
        double v = json_real_value(value);
        up = up || v * scale >= 0;
        down = finite_sum(down, v * scale < 0 ? fabs(v) / rate : 0);
    }
    buf_append_str(&key, json_string_value(json_object_get(sample, "name")));
    buf_append_str(&key, tags != NULL ? tags : "");
    buf_append_char(&key, '\0');
    json_t *known = json_object_get(x->counters, key.ptr);
    if (known == NULL) {
        known = json_object();
        json_object_set(known, "name", json_object_get(sample, "name"));
        json_object_set(known, "tags", json_object_get(sample, "tags"));
        set(x->counters, key.ptr, known);
    }
    /* The value of a member that is not there is 0. */
    down = finite_sum(down, json_real_value(json_object_get(known, "down")));
    up = up || json_is_true(json_object_get(known, "up"));
    set(known, "down", json_real(down));
    set(known, "up", json_boolean(up));
    buf_release(&key);
    free(tags);
}

static void add_sample(struct explain_core *x, const struct batch *b, const struct sample *s)
{
    struct explain_machine *m = x->machine;
    enum reason r = tags_parse(&m->tags_opts, s, &m->tags);
    if (r != REASON_NONE) {
        explain_room_error(x, r, (struct slice){ NULL, 0 }, SIZE_MAX);
        return;
    }
    x->tag_errors += m->tags.errors;
    if (x->bounded && x->room == 0) {
        explain_room_no_sample(x);
        return;
    }
    json_t *j = json_object();
    set(j, "name", text(slice_of(s->name, s->name_len)));
    set(j, "type", json_string(sample_type_token((enum sample_type)s->type)));
    if (s->type == SAMPLE_SET)
        set(j, "set_value", text(s->member));
    else {
        json_t *values = json_array();
        json_array_append_new(values, json_real(s->value));
        for (uint32_t i = 0; (s->flags & SAMPLE_PACKED) && i < s->more_n; i++)
            json_array_append_new(values, json_real(b->values[s->more_at + i]));
        set(j, "values", values);
    }
    set(j, "rate", json_real(s->rate));
    set(j, "tags", tags_object(&m->tags));
    set_cut_and_added(m, (uint32_t)(s - b->samples), j);
    if (s->flags & SAMPLE_EXEMPLAR)
        set(j, "exemplar", text(s->exemplar));
    if (s->flags & SAMPLE_HAS_TIME)
        set(j, "timestamp", json_integer(s->timestamp));
    if (s->type == SAMPLE_GAUGE)
        set(j, "delta", json_boolean(s->flags & SAMPLE_DELTA));
    const struct profile *profile = NULL;
    json_t *rule = m->rules.mapping != NULL ? explain_rule(&m->rules, s, &profile) : NULL;
    bool dropped = json_object_get(rule, "dropped") != NULL;
    if (explain_room_sample(x, j, rule) && s->type == SAMPLE_COUNTER && !dropped)
        add_to_counter(x, j, s->rate, profile != NULL ? profile->scale : 1);
}

static void on_batch(void *cookie, const struct batch *b)
{
    struct explain_core *x = cookie;
    x->unknown_fields += b->counts.unknown_fields;
    x->tag_errors += b->counts.tag_errors;
    for (uint32_t i = 0; i < b->n; i++)
        add_sample(x, b, &b->samples[i]);
    json_object_clear(x->machine->cut);
}

/* With another reason, such as too many tags, add_sample has made an error of it. */
static void on_refused(void *cookie, const struct sample *s, enum reason why)
{
    struct explain_core *x = cookie;
    (void)s;
    x->machine->refused.no_room += why == REASON_NONE;
    x->machine->refused.not_finite += why == REASON_BAD_VALUE;
}

struct explain_core *explain_core_new(const struct config *c, const struct core_mapping *mapping,
                                      size_t near_looks)
{
    struct explain_core *x = mem_zalloc(sizeof *x);
    const struct lane_taps taps = { .on_batch = on_batch,
                                    .on_event = on_event,
                                    .on_check = on_check,
                                    .on_cut = on_cut,
                                    .cookie = x };
    const struct lane_refusals refusals = { .on_rejected = on_rejected,
                                            .on_refused = on_refused,
                                            .cookie = x };
    x->config = c;
    x->counters = json_object();
    x->machine = mem_zalloc(sizeof *x->machine);
    x->machine->cut = json_object();
    x->machine->tags_opts = core_tags_opts(c);
    x->machine->exposition = explain_exposition_new(c, mapping, &taps, &refusals);
    if (mapping->mapping != NULL)
        explain_rules_init(&x->machine->rules, c, mapping, near_looks);
    explain_core_clear(x);
    explain_core_check(x);
    return x;
}

bool explain_core_prepare(struct explain_core *x)
{
    return explain_rules_prepare(&x->machine->rules);
}

void explain_core_datagram(struct explain_core *x, const char *ptr, size_t len, bool truncated)
{
    const struct lane_datagram d = { .ptr = ptr, .len = len, .truncated = truncated };
    explain_core_check(x);
    while (explain_core_prepare(x))
        ;
    explain_exposition_datagram(x->machine->exposition, &d);
}

void explain_core_allow(struct explain_core *x, size_t bytes, const struct explain_teller *teller)
{
    x->teller = teller;
    x->bounded = true;
    x->room = bytes;
}

void explain_core_error(struct explain_core *x, enum reason r)
{
    explain_room_error(x, r, (struct slice){ NULL, 0 }, SIZE_MAX);
}

void explain_core_clear(struct explain_core *x)
{
    json_t **lists[] = { &x->samples, &x->events, &x->checks, &x->rules };
    for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
        json_decref(*lists[i]);
        *lists[i] = json_array();
    }
    explain_room_clear(x);
    x->left_out = (struct explain_left_out){ 0 };
    x->tag_errors = x->unknown_fields = 0;
}

bool explain_core_close(struct explain_core *x, size_t most)
{
    explain_core_check(x);
    return explain_exposition_close(x->machine->exposition, most);
}

bool explain_core_exposition(struct explain_core *x, struct buf *out)
{
    while (explain_core_close(x, SIZE_MAX))
        ;
    return explain_exposition_lines(x->machine->exposition, out);
}

const struct off_page_note *const *explain_core_off_page(const struct explain_core *x,
                                                         size_t *ret_n)
{
    return explain_exposition_off_page(x->machine->exposition, ret_n);
}

struct explain_refused explain_core_refused(const struct explain_core *x)
{
    struct explain_refused all = x->machine->refused;
    all.not_finite += explain_exposition_sums_refused(x->machine->exposition);
    all.marks = explain_exposition_marks(x->machine->exposition);
    return all;
}

uint64_t explain_core_near_left_out(const struct explain_core *x)
{
    return x->machine->rules.left_out;
}
