/*
 * Every case of tests/conformance/protocol.jsonl, compared in full.
 * STATSD_CONFORMANCE names another folder.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "base/buf.h"
#include "protocol/framing.h"
#include "protocol/parse.h"
#include "protocol/scan.h"
#include "protocol/tags.h"
#include "protocol/variant.h"

enum { MAX_LINE = 8192, LEAST_CASES = 300 };

/* What the server made of a case, in the same JSON as the case has it. */
struct seen {
    struct parser *parser;
    struct batch batch;
    struct tags_opts tags_opts;
    json_t *samples, *event, *check;
    uint64_t framing_errors, tag_refusals;
    bool padded; /* datagrams are given with room around them */
};

static json_t *text_of(struct slice s)
{
    json_t *t = json_stringn(s.len ? s.ptr : "", s.len);
    assert_non_null(t);
    return t;
}

static json_t *tags_of(const struct tags *tags)
{
    json_t *map = json_object();
    for (uint32_t i = 0; i < tags->n; i++) {
        char *key = strndup(tags->at[i].key.ptr, tags->at[i].key.len);
        assert_null(json_object_get(map, key));
        if (i > 0)
            assert_true(slice_cmp(tags->at[i - 1].key, tags->at[i].key) < 0);
        json_object_set_new(map, key, text_of(tags->at[i].value));
        free(key);
    }
    return map;
}

static void take_sample(struct seen *seen, const struct sample *s)
{
    static struct tags tags;
    if (tags_parse(&seen->tags_opts, s, &tags) != REASON_NONE) {
        seen->tag_refusals++;
        return;
    }
    json_t *o = json_object();
    json_object_set_new(o, "name", text_of(slice_of(s->name, s->name_len)));
    json_object_set_new(o, "type", json_string(sample_type_token(s->type)));
    if (s->type == SAMPLE_SET) {
        json_object_set_new(o, "set_value", text_of(s->member));
    } else {
        json_t *values = json_array();
        json_array_append_new(values, json_real(s->value));
        for (uint32_t i = 0; (s->flags & SAMPLE_PACKED) && i < s->more_n; i++)
            json_array_append_new(values, json_real(seen->batch.values[s->more_at + i]));
        json_object_set_new(o, "values", values);
    }
    json_object_set_new(o, "rate", json_real(s->rate));
    json_object_set_new(o, "tags", tags_of(&tags));
    if (s->flags & SAMPLE_HAS_TIME)
        json_object_set_new(o, "timestamp", json_integer(s->timestamp));
    if (s->type == SAMPLE_GAUGE)
        json_object_set_new(o, "delta", json_boolean(s->flags & SAMPLE_DELTA));
    assert_int_equal((s->flags & SAMPLE_HAS_RATE) != 0, s->rate < 1);
    json_array_append_new(seen->samples, o);
}

static void take_batch(struct seen *seen)
{
    for (uint32_t i = 0; i < seen->batch.n; i++)
        take_sample(seen, &seen->batch.samples[i]);
    batch_clear(&seen->batch);
}

static void parse_all(struct seen *seen, const char *ptr, size_t len, bool truncated)
{
    size_t before = seen->padded ? PARSE_PAD_BEFORE : 0,
           behind = seen->padded ? PARSE_PAD_BEHIND : len == 0;
    char *exact = malloc(before + len + behind);
    assert_non_null(exact);
    memset(exact, ':', before + len + behind);
    memcpy(exact + before, ptr, len);
    if (seen->padded)
        parser_begin_padded(seen->parser, exact + before, len, truncated);
    else
        parser_begin(seen->parser, exact, len, truncated);
    while (parser_next(seen->parser, &seen->batch))
        take_batch(seen);
    take_batch(seen);
    free(exact);
}

static void on_datagram(void *cookie, const char *ptr, size_t len)
{
    parse_all(cookie, ptr, len, false);
}

static void set_text(json_t *o, const char *key, struct slice s)
{
    if (s.ptr != NULL)
        json_object_set_new(o, key, text_of(s));
}

static json_t *raw_tags(const struct slice *tags, uint32_t n)
{
    json_t *list = json_array();
    for (uint32_t i = 0; i < n; i++)
        json_array_append_new(list, text_of(tags[i]));
    return list;
}

static void on_event(void *cookie, const struct event *e)
{
    struct seen *seen = cookie;
    json_t *o = json_object();
    set_text(o, "title", e->title);
    set_text(o, "text", e->text);
    set_text(o, "hostname", e->hostname);
    set_text(o, "aggregation_key", e->aggregation_key);
    set_text(o, "source_type", e->source_type);
    json_object_set_new(o, "priority", json_string(e->priority));
    json_object_set_new(o, "alert_type", json_string(e->alert_type));
    if (e->has_timestamp)
        json_object_set_new(o, "timestamp", json_integer(e->timestamp));
    json_object_set_new(o, "tags", raw_tags(e->tags, e->n_tags));
    assert_null(seen->event);
    seen->event = o;
}

static void on_check(void *cookie, const struct service_check *c)
{
    struct seen *seen = cookie;
    json_t *o = json_object();
    set_text(o, "name", c->name);
    set_text(o, "hostname", c->hostname);
    set_text(o, "message", c->message);
    json_object_set_new(o, "status", json_integer(c->status));
    if (c->has_timestamp)
        json_object_set_new(o, "timestamp", json_integer(c->timestamp));
    json_object_set_new(o, "tags", raw_tags(c->tags, c->n_tags));
    assert_null(seen->check);
    seen->check = o;
}

/* Numbers by their bits (so that -0 is not 0), everything else as jansson compares. */
static bool same(const json_t *a, const json_t *b)
{
    if (json_is_number(a) && json_is_number(b)) {
        double x = json_number_value(a), y = json_number_value(b);
        if (json_is_integer(a) && json_is_integer(b))
            return json_integer_value(a) == json_integer_value(b);
        return memcmp(&x, &y, sizeof x) == 0;
    }
    if (json_typeof(a) != json_typeof(b))
        return false;
    if (json_is_array(a)) {
        if (json_array_size(a) != json_array_size(b))
            return false;
        for (size_t i = 0; i < json_array_size(a); i++)
            if (!same(json_array_get(a, i), json_array_get(b, i)))
                return false;
        return true;
    }
    if (!json_is_object(a))
        return json_equal(a, b);
    const char *key;
    json_t *value;
    if (json_object_size(a) != json_object_size(b))
        return false;
    json_t *other = json_incref((json_t *)(uintptr_t)a); /* jansson's iterators want it not const */
    bool equal = true;
    json_object_foreach(other, key, value) {
        const json_t *of_b = json_object_get(b, key);
        equal = equal && of_b != NULL && same(value, of_b);
    }
    json_decref(other);
    return equal;
}

static void base64_append(struct buf *out, const char *s)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    uint32_t bits = 0, n = 0;
    for (; *s != '\0' && *s != '='; s++) {
        bits = bits << 6 | (uint32_t)(strchr(digits, *s) - digits);
        n += 6;
        if (n >= 8) {
            n -= 8;
            buf_append_char(out, (char)(bits >> n));
        }
    }
}

static struct parse_opts opts_of(const json_t *opts, struct seen *seen)
{
    struct parse_opts o = PARSE_OPTS_DEFAULT;
    static const char *const styles[] = { "librato", "influx", "signalfx", "graphite" };
    const char *sign = json_string_value(json_object_get(opts, "gauge_sign"));
    if (sign != NULL)
        o.gauge_sign = strcmp(sign, "delta") == 0      ? GAUGE_SIGN_DELTA
                       : strcmp(sign, "absolute") == 0 ? GAUGE_SIGN_ABSOLUTE
                                                       : GAUGE_SIGN_AUTO;
    const json_t *list = json_object_get(opts, "name_tags");
    for (size_t i = 0; i < json_array_size(list); i++)
        for (size_t k = 0; k < ARRAY_LEN(styles); k++)
            if (strcmp(styles[k], json_string_value(json_array_get(list, i))) == 0)
                o.name_tags |= 1u << k;
    o.origin_tags = json_is_true(json_object_get(opts, "origin_tags"));
    o.max_line = MAX_LINE;
    o.on_event = on_event;
    o.on_check = on_check;
    o.cookie = seen;
    return o;
}

static void push(struct framing *f, const char *ptr, size_t len, struct seen *seen)
{
    uint32_t errors;
    char *exact = malloc(len ? len : 1);
    assert_non_null(exact);
    memcpy(exact, ptr, len);
    framing_push(f, exact, len, on_datagram, seen, &errors);
    seen->framing_errors += errors;
    free(exact);
}

static void run_stream(const json_t *opts, enum framing_kind kind, const struct buf *input,
                       struct seen *seen)
{
    char *room = malloc(FRAMING_ROOM);
    struct framing f;
    assert_non_null(room);
    framing_init(&f, kind, room);
    const json_t *chunks = json_object_get(opts, "chunks");
    for (size_t i = 0; i < json_array_size(chunks); i++) {
        const json_t *chunk = json_array_get(chunks, i);
        push(&f, json_string_value(chunk), json_string_length(chunk), seen);
    }
    if (chunks == NULL)
        push(&f, input->ptr, input->len, seen);
    if (framing_end(&f, true, on_datagram, seen) != REASON_NONE)
        seen->framing_errors++;
    free(room);
}

static const char *verdict(const struct seen *seen, uint64_t errors)
{
    return json_array_size(seen->samples) > 0 ? "accept"
           : seen->event                      ? "event"
           : seen->check                      ? "service_check"
           : errors                           ? "reject"
                                              : "ignore";
}

static bool same_or_absent(const json_t *want, const json_t *got)
{
    return want == NULL || json_is_null(want) ? got == NULL : got != NULL && same(want, got);
}

static void check_case(const json_t *c, struct seen *seen)
{
    uint64_t rejected = 0;
    for (int r = 0; r < REASON_COUNT; r++)
        rejected += seen->batch.counts.rejected[r];
    uint64_t accepted = json_array_size(seen->samples) + seen->tag_refusals;
    assert_int_equal(seen->batch.counts.samples, accepted + rejected);
    uint64_t errors = rejected + seen->framing_errors + seen->tag_refusals;
    json_int_t want_errors = json_integer_value(json_object_get(c, "errors"));
    bool ok = errors == (uint64_t)want_errors &&
              same(json_object_get(c, "samples"), seen->samples) &&
              strcmp(json_string_value(json_object_get(c, "expect")), verdict(seen, errors)) == 0 &&
              same_or_absent(json_object_get(c, "event"), seen->event) &&
              same_or_absent(json_object_get(c, "check"), seen->check);
    if (ok)
        return;
    char *samples = json_dumps(seen->samples, 0);
    fail_msg("%s: got %s, %llu errors, samples %s", json_string_value(json_object_get(c, "id")),
             verdict(seen, errors), (unsigned long long)errors, samples);
}

static void run_case(const json_t *c, bool padded)
{
    struct seen seen = { .samples = json_array(),
                         .tags_opts = TAGS_OPTS_DEFAULT,
                         .padded = padded };
    const json_t *opts = json_object_get(c, "opts"), *input_text = json_object_get(c, "input");
    const char *transport = json_string_value(json_object_get(opts, "transport"));
    struct parse_opts o = opts_of(opts, &seen);
    struct buf input = { 0 };
    seen.tags_opts.keep_internal = json_is_true(json_object_get(opts, "keep_internal_tags"));
    seen.parser = parser_new(&o);
    assert_non_null(seen.parser);
    /* Small, so that batches end inside cases. */
    assert_int_equal(batch_init(&seen.batch, 3, MAX_LINE), 0);
    buf_append_str(&input, "");
    buf_reserve(&input, 1);
    if (input_text != NULL)
        buf_append(&input, json_string_value(input_text), json_string_length(input_text));
    else
        base64_append(&input, json_string_value(json_object_get(c, "input_b64")));
    if (transport == NULL || strcmp(transport, "datagram") == 0)
        parse_all(&seen, input.ptr, input.len, json_is_true(json_object_get(opts, "truncated")));
    else
        run_stream(opts, strcmp(transport, "stream") == 0 ? FRAMING_LINE : FRAMING_DSD, &input,
                   &seen);
    check_case(c, &seen);
    json_decref(seen.samples);
    json_decref(seen.event);
    json_decref(seen.check);
    buf_release(&input);
    batch_release(&seen.batch);
    parser_free(seen.parser);
}

static void every_case_of_the_corpus_is_understood_as_it_says(void **state)
{
    const char *folder = getenv("STATSD_CONFORMANCE");
    char path[512];
    (void)state;
    snprintf(path, sizeof path, "%s/protocol.jsonl", folder ? folder : "tests/conformance");
    FILE *f = fopen(path, "r");
    if (f == NULL)
        fail_msg("%s cannot be read (run from the root of the tree)", path);
    char *line = NULL;
    const struct scan_variant *variants;
    size_t room = 0, n = 0, n_variants = scan_variants(&variants);
    while (getline(&line, &room, f) > 0) {
        json_error_t error;
        json_t *c = json_loads(line, JSON_ALLOW_NUL, &error);
        if (c == NULL)
            fail_msg("%s, line %zu: %s", path, n + 1, error.text);
        for (size_t v = 0; v < n_variants; v++) {
            assert_true(variant_choose(variants[v].name));
            run_case(c, false);
            run_case(c, true);
        }
        json_decref(c);
        n++;
    }
    assert_true(n >= LEAST_CASES);
    free(line);
    fclose(f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_case_of_the_corpus_is_understood_as_it_says),
    };
    return cmocka_run_group_tests_name("conformance", tests, NULL, NULL);
}
