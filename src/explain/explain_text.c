/**
 *   explain_text_line       explain_text_errors (explain_text_error.c)
 *                           put_sample, explain_text_rule, put_object (events, service checks),
 *                           hint_accepted
 *   explain_text_off_page   put_reserved, put_conflict, put_decrements, put_refused
 */
#include "explain/explain_text.h"

#include "aggregate/off_page.h"
#include "base/number.h"
#include "explain/explain_exposition.h"
#include "explain/explain_sums.h"
#include "explain/hint.h"
#include "config/escape.h"
#include "config/option_value.h"

static void put_text(const json_t *j, struct buf *out)
{
    if (json_is_string(j))
        escape_text(slice_of(json_string_value(j), json_string_length(j)), out);
}

static void put_number(double v, struct buf *out)
{
    char *at = buf_reserve(out, NUMBER_TEXT_MAX);
    out->len += number_print(at, v);
}

static const char *type_word(const char *token)
{
    static const struct {
        const char *token, *word;
    } words[] = { { "c", "counter" },   { "g", "gauge" },        { "ms", "timing in ms" },
                  { "h", "histogram" }, { "d", "distribution" }, { "s", "set" } };
    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        if (strcmp(token, words[i].token) == 0)
            return words[i].word;
    }
    return token;
}

static void put_values(const json_t *sample, struct buf *out)
{
    const json_t *values = json_object_get(sample, "values"), *value;
    size_t i;
    if (values == NULL) {
        buf_append_str(out, "  member ");
        put_text(json_object_get(sample, "set_value"), out);
        return;
    }
    bool change = json_is_true(json_object_get(sample, "delta"));
    bool several = json_array_size(values) > 1;
    buf_append_str(out, change ? "  change by" : several ? "  values" : "  value");
    json_array_foreach(values, i, value) {
        buf_append_char(out, ' ');
        put_number(json_real_value(value), out);
    }
}

static void put_list(const char *what, const json_t *list, struct buf *out)
{
    const json_t *one;
    size_t i;
    json_array_foreach(list, i, one) {
        if (i == 0)
            buf_printf(out, "    %s: ", what);
        else
            buf_append_str(out, ", ");
        put_text(one, out);
    }
    if (json_array_size(list) > 0)
        buf_append_char(out, '\n');
}

static void put_sample(json_t *sample, struct buf *out)
{
    const char *key;
    json_t *value;
    buf_printf(out, "  %s  ", type_word(json_string_value(json_object_get(sample, "type"))));
    put_text(json_object_get(sample, "name"), out);
    put_values(sample, out);
    double rate = json_real_value(json_object_get(sample, "rate"));
    if (rate < 1) {
        buf_append_str(out, "  rate ");
        put_number(rate, out);
        buf_append_str(out, " (weight ");
        put_number(1 / rate, out);
        buf_append_char(out, ')');
    }
    const json_t *timestamp = json_object_get(sample, "timestamp");
    if (timestamp != NULL)
        buf_printf(out, "  time %lld", (long long)json_integer_value(timestamp));
    buf_append_char(out, '\n');
    json_object_foreach(json_object_get(sample, "tags"), key, value) {
        buf_append_str(out, "    tag  ");
        escape_text(slice_str(key), out);
        buf_append_str(out, " = ");
        put_text(value, out);
        buf_append_char(out, '\n');
    }
    put_list("added by aggregate.global_tags", json_object_get(sample, "tags_added"), out);
    put_list("cut out of the line", json_object_get(sample, "tags_cut"), out);
    if (json_object_get(sample, "exemplar") != NULL) {
        buf_append_str(out, "    exemplar of a histogram or counter: ");
        put_text(json_object_get(sample, "exemplar"), out);
        buf_append_char(out, '\n');
    }
}

static void put_set_note(const struct config *c, struct buf *out)
{
    bool window = c->aggregate_set_window_ms > 0;
    buf_append_str(out, window ? "    on /metrics at once: how many distinct members came within "
                                 "aggregate.set_window = "
                               : "    on /metrics once the interval has ended: "
                                 "aggregate.set_window = 0, server.interval = ");
    uint64_t ms = window ? c->aggregate_set_window_ms : c->server_interval_ms;
    option_value_print_number(OPTION_DURATION, ms, out);
    buf_append_char(out, '\n');
}

/* "    WHAT mapping.yml:12  a.*.b", without LF */
static void put_rule_place(const char *what, const json_t *file, const json_t *rule,
                           struct buf *out)
{
    buf_printf(out, "    %s ", what);
    put_text(file, out);
    buf_printf(out, ":%lld  ", (long long)json_integer_value(json_object_get(rule, "line")));
    put_text(json_object_get(rule, "match"), out);
}

void explain_text_rule(const json_t *rule, struct buf *out)
{
    const json_t *file = json_object_get(rule, "file"), *miss = json_object_get(rule, "near_miss");
    const char *dropped = json_string_value(json_object_get(rule, "dropped"));
    if (json_object_get(rule, "match") == NULL) {
        buf_append_str(out, "    no rule of ");
        put_text(file, out);
        buf_append_str(out, " matches");
    } else {
        put_rule_place(dropped == NULL ? "rule" : "dropped by rule", file, rule, out);
        if (dropped != NULL && strcmp(dropped, "empty_name") == 0)
            buf_append_str(out, ": the name that it makes is empty");
    }
    buf_append_char(out, '\n');
    const char *merge = json_string_value(json_object_get(rule, "gauge_merge"));
    if (merge != NULL)
        buf_printf(out, "    in redis, over all instances: %s\n", merge);
    if (miss == NULL)
        return;
    put_rule_place("near miss", file, miss, out);
    buf_append_str(out, ": ");
    put_text(json_object_get(miss, "why"), out);
    buf_append_char(out, '\n');
}

static void put_tags(const json_t *list, struct buf *out)
{
    const json_t *tag;
    size_t i;
    json_array_foreach(list, i, tag) {
        buf_append_str(out, "    tag  ");
        put_text(tag, out);
        buf_append_char(out, '\n');
    }
}

static void put_field(const char *key, const json_t *value, struct buf *out)
{
    buf_printf(out, "    %s  ", key);
    if (json_is_integer(value))
        buf_printf(out, "%lld", (long long)json_integer_value(value));
    else
        put_text(value, out);
    buf_append_char(out, '\n');
}

/* An event or a service check: a field on a line. */
static void put_object(const char *what, json_t *object, struct buf *out)
{
    const char *key;
    json_t *value;
    buf_printf(out, "  %s\n", what);
    json_object_foreach(object, key, value) {
        if (json_is_array(value))
            put_tags(value, out);
        else
            put_field(key, value, out);
    }
}

static void tell_sample(const struct explain_core *x, json_t *sample, const json_t *rule,
                        struct buf *out)
{
    put_sample(sample, out);
    if (rule != NULL)
        explain_text_rule(rule, out);
    if (json_object_get(sample, "set_value") != NULL && json_object_get(rule, "dropped") == NULL)
        put_set_note(x->config, out);
}

static void tell_event(const struct explain_core *x, json_t *event, struct buf *out)
{
    (void)x;
    put_object("event", event, out);
    buf_append_str(out,
                   "    not on /metrics: an event is no metric; statsd_events_total counts it\n");
}

static void tell_check(const struct explain_core *x, json_t *check, struct buf *out)
{
    put_object("service check", check, out);
    buf_append_str(out, x->config->prometheus_service_checks
                            ? "    on /metrics: its status, in statsd_service_check_status; "
                            : "    not on /metrics: a service check is no metric; ");
    buf_append_str(out, "statsd_service_checks_total counts it\n");
}

const struct explain_teller explain_text_teller = {
    .sample = tell_sample, .event = tell_event, .check = tell_check, .error = explain_text_error
};

/* What the sender of an accepted line may have meant, where there is room. */
static void put_accepted_hints(const struct explain_core *x, struct slice line, struct buf *out)
{
    struct buf hints = { 0 };
    struct hint_line l;
    hint_line_cut(x->config, line, REASON_NONE, SIZE_MAX, &l);
    hint_accepted(&l, &hints);
    if (!x->bounded || explain_weight(buf_slice(&hints)) <= x->room)
        buf_append_slice(out, buf_slice(&hints));
    buf_release(&hints);
}

void explain_text_line(const struct explain_core *x, struct slice line, struct buf *out)
{
    const struct explain_sums sums = explain_sums_of(x);
    json_t *one;
    size_t i;
    escape_text(line, out);
    buf_append_char(out, '\n');
    explain_text_errors(x, out); /* first, so that the caret is right below its line */
    json_array_foreach(x->samples, i, one)
        tell_sample(x, one, json_array_get(x->rules, i), out);
    json_array_foreach(x->events, i, one)
        tell_event(x, one, out);
    json_array_foreach(x->checks, i, one)
        tell_check(x, one, out);
    explain_text_more(x->left_out.samples, "sample", out);
    explain_text_more(x->left_out.events, "event", out);
    explain_text_more(x->left_out.checks, "service check", out);
    if (x->tag_errors > 0)
        buf_printf(out, "  %llu tags dropped: key or value empty, or malformed\n",
                   (unsigned long long)x->tag_errors);
    if (x->unknown_fields > 0)
        buf_printf(out, "  %llu unknown fields ignored\n", (unsigned long long)x->unknown_fields);
    if (strcmp(explain_sums_expect(&sums), "ignore") == 0)
        buf_append_str(out, "  empty: ignored\n");
    if (sums.errors == 0 && sums.samples > 0)
        put_accepted_hints(x, line, out);
}

static void put_conflict(const struct off_page_note *n, struct buf *out)
{
    bool same = slice_eq(n->metric, n->other);
    escape_text(n->metric, out);
    buf_printf(out, " as a %s: ", family_type_word(n->type));
    escape_text(n->other, out);
    buf_printf(out,
               " is a %s since an earlier line%s; a name has one type, until it was idle for "
               "prometheus.type_idle. Rename one of them",
               family_type_word(n->other_type), same ? "" : " and makes lines of that name");
}

static void put_reserved(const struct off_page_note *n, struct buf *out)
{
    escape_text(n->metric, out);
    buf_append_str(out, ": ");
    escape_text(n->other, out);
    buf_append_str(out, " is a name that Prometheus makes for every target, or this server for "
                        "itself. Rename the metric");
}

static void put_decrements(const struct explain_core *x, struct buf *out)
{
    const char *key, *tag;
    json_t *one, *value;
    if (x->counters_lack)
        return;
    json_object_foreach(x->counters, key, one) {
        double down = json_real_value(json_object_get(one, "down"));
        if (!(down > 0))
            continue;
        buf_append_str(out, "  ");
        put_text(json_object_get(one, "name"), out);
        json_object_foreach(json_object_get(one, "tags"), tag, value) {
            buf_append_char(out, ' ');
            escape_text(slice_str(tag), out);
            buf_append_char(out, '=');
            put_text(value, out);
        }
        bool up = json_is_true(json_object_get(one, "up"));
        buf_append_str(out, up ? ": the decrements, " : ": it only went down, by ");
        put_number(down, out);
        buf_append_str(out, up ? " in all" : "");
        buf_append_str(out, "; a counter of Prometheus never goes down, Redis gets the sum. Send a "
                            "gauge for what goes both ways\n");
    }
}

static void put_refused(uint64_t n, const char *why, struct buf *out)
{
    if (n > 0)
        buf_printf(out, "  %llu %s: %s\n", (unsigned long long)n, n == 1 ? "sample" : "samples",
                   why);
}

void explain_text_off_page(const struct explain_core *x, struct buf *out)
{
    struct buf notes = { 0 };
    size_t n;
    const struct off_page_note *const *off = explain_core_off_page(x, &n);
    for (size_t i = 0; i < n; i++) {
        buf_append_str(&notes, "  ");
        if (off[i]->why == OFF_PAGE_RESERVED)
            put_reserved(off[i], &notes);
        else
            put_conflict(off[i], &notes);
        buf_append_char(&notes, '\n');
    }
    put_decrements(x, &notes);
    struct explain_refused refused = explain_core_refused(x);
    put_refused(refused.no_room, "no room: limits.max_series, or no memory", &notes);
    put_refused(refused.not_finite,
                "a sum would pass 1.8e308, the largest double; what would make it so is left out",
                &notes);
    put_refused(refused.marks, "mark of a server that mirrors its traffic here (docs/mirror.md)",
                &notes);
    if (notes.len > 0) {
        buf_append_str(out, "\nnot on /metrics:\n");
        buf_append_slice(out, buf_slice(&notes));
    }
    buf_release(&notes);
}
