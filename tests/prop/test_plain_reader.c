/*
 * The server's parser and a plain, slow reading of the protocol understand the same of every
 * datagram, whichever of a CPU's instructions the parser uses.
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

#include "base/mem.h"
#include "protocol/scan.h"
#include "protocol/variant.h"
#include "support/line_maker.h"
#include "support/said.h"
#include "support/sanitized.h"

enum {
    DATAGRAMS = SANITIZED ? 2000 : 20000,
    LEAST_CASES = 300,
    TAGS_MOST = 256,
    VALUES_MOST = 4096
};

/* Fails with both readings and the datagram where they differ. */
static void compare(const struct said_opts *o, const char *ptr, size_t len, const char *what)
{
    const struct scan_variant *variants;
    size_t n = scan_variants(&variants);
    struct said plain = { 0 };
    plain_said(o, ptr, len, &plain);
    for (size_t v = 0; v < n; v++) {
        assert_true(variant_choose(variants[v].name));
        for (int padded = 0; padded < 2; padded++) {
            struct said parser = { 0 };
            parser_said(o, ptr, len, padded, &parser);
            char *both = said_differ(&parser, variants[v].name, &plain, "plain");
            if (both != NULL) {
                fprintf(stderr, "%.*s\n%s", (int)len, ptr, both);
                fail_msg("%s", what);
            }
            said_release(&parser);
        }
    }
    said_release(&plain);
}

/* ---- the cases of tests/conformance/protocol.jsonl ---- */

static struct slice text_of(const json_t *j)
{
    return json_is_string(j) ? slice_of(json_string_value(j), json_string_length(j))
                             : slice_of(NULL, 0);
}

/* jansson keeps the order of keys as they stand; in said they are sorted. */
static size_t tags_of(const json_t *map, struct said_tag *ret)
{
    size_t n = 0;
    const char *key;
    json_t *value, *other = json_incref((json_t *)(uintptr_t)map); /* its iterators want it so */
    json_object_foreach(other, key, value) {
        size_t at = n++;
        assert_true(n <= TAGS_MOST);
        for (; at > 0 && slice_cmp(ret[at - 1].key, slice_str(key)) > 0; at--)
            ret[at] = ret[at - 1];
        ret[at] = (struct said_tag){ slice_str(key), text_of(value) };
    }
    json_decref(other);
    return n;
}

static void want_sample(const json_t *j, struct said *ret)
{
    static struct said_tag tags[TAGS_MOST];
    static double values[VALUES_MOST];
    const json_t *list = json_object_get(j, "values");
    assert_true(json_array_size(list) <= VALUES_MOST);
    for (size_t i = 0; i < json_array_size(list); i++)
        values[i] = json_number_value(json_array_get(list, i));
    said_sample(ret, &(struct said_sample){
                         .name = text_of(json_object_get(j, "name")),
                         .type = json_string_value(json_object_get(j, "type")),
                         .member = text_of(json_object_get(j, "set_value")),
                         .values = values,
                         .n = json_array_size(list),
                         .rate = json_number_value(json_object_get(j, "rate")),
                         .tags = tags,
                         .n_tags = tags_of(json_object_get(j, "tags"), tags),
                         .timestamp = json_integer_value(json_object_get(j, "timestamp")),
                         .delta = json_is_true(json_object_get(j, "delta")),
                     });
}

static uint32_t raw_tags(const json_t *j, struct slice *ret)
{
    const json_t *list = json_object_get(j, "tags");
    for (size_t i = 0; i < json_array_size(list); i++)
        ret[i] = text_of(json_array_get(list, i));
    return (uint32_t)json_array_size(list);
}

static void want_event(const json_t *j, struct said *ret)
{
    struct event e = { .title = text_of(json_object_get(j, "title")),
                       .text = text_of(json_object_get(j, "text")),
                       .hostname = text_of(json_object_get(j, "hostname")),
                       .aggregation_key = text_of(json_object_get(j, "aggregation_key")),
                       .source_type = text_of(json_object_get(j, "source_type")),
                       .priority = json_string_value(json_object_get(j, "priority")),
                       .alert_type = json_string_value(json_object_get(j, "alert_type")),
                       .has_timestamp = json_object_get(j, "timestamp") != NULL,
                       .timestamp = json_integer_value(json_object_get(j, "timestamp")) };
    e.n_tags = raw_tags(j, e.tags);
    said_event(ret, &e);
}

static void want_check(const json_t *j, struct said *ret)
{
    struct service_check c = { .name = text_of(json_object_get(j, "name")),
                               .hostname = text_of(json_object_get(j, "hostname")),
                               .message = text_of(json_object_get(j, "message")),
                               .status = (uint8_t)json_integer_value(json_object_get(j, "status")),
                               .has_timestamp = json_object_get(j, "timestamp") != NULL,
                               .timestamp = json_integer_value(json_object_get(j, "timestamp")) };
    c.n_tags = raw_tags(j, c.tags);
    said_check(ret, &c);
}

static struct said_opts opts_of(const json_t *opts)
{
    static const char *const styles[] = { "librato", "influx", "signalfx", "graphite" };
    struct said_opts o = SAID_OPTS_DEFAULT;
    const char *sign = json_string_value(json_object_get(opts, "gauge_sign"));
    const json_t *list = json_object_get(opts, "name_tags");
    if (sign != NULL && strcmp(sign, "auto") != 0)
        o.gauge_sign = strcmp(sign, "delta") == 0 ? GAUGE_SIGN_DELTA : GAUGE_SIGN_ABSOLUTE;
    for (size_t i = 0; i < json_array_size(list); i++)
        for (size_t k = 0; k < ARRAY_LEN(styles); k++)
            if (strcmp(styles[k], json_string_value(json_array_get(list, i))) == 0)
                o.name_tags |= 1u << k;
    o.origin_tags = json_is_true(json_object_get(opts, "origin_tags"));
    o.keep_internal = json_is_true(json_object_get(opts, "keep_internal_tags"));
    o.truncated = json_is_true(json_object_get(opts, "truncated"));
    return o;
}

static struct buf input_of(const json_t *c)
{
    static const char set[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    struct buf out = { 0 };
    buf_append_slice(&out, text_of(json_object_get(c, "input")));
    const char *s = json_string_value(json_object_get(c, "input_b64"));
    uint32_t bits = 0, n = 0;
    for (; s != NULL && *s != '\0' && *s != '='; s++) {
        bits = bits << 6 | (uint32_t)(strchr(set, *s) - set);
        n += 6;
        if (n >= 8) {
            n -= 8;
            buf_append_char(&out, (char)(bits >> n));
        }
    }
    buf_reserve(&out, 1);
    return out;
}

static uint64_t errors_of(const struct said *s)
{
    uint64_t n = 0;
    for (int r = 0; r < REASON_COUNT; r++)
        n += s->errors[r];
    return n;
}

/* What the case says, less the reasons and counts that it does not tell. */
static void check_case(const json_t *c)
{
    const char *id = json_string_value(json_object_get(c, "id"));
    struct said_opts o = opts_of(json_object_get(c, "opts"));
    struct said want = { 0 }, plain = { 0 };
    struct buf input = input_of(c);
    const json_t *list = json_object_get(c, "samples"), *event = json_object_get(c, "event"),
                 *check = json_object_get(c, "check");
    for (size_t i = 0; i < json_array_size(list); i++)
        want_sample(json_array_get(list, i), &want);
    if (json_is_object(event))
        want_event(event, &want);
    if (json_is_object(check))
        want_check(check, &want);
    plain_said(&o, input.ptr, input.len, &plain);
    uint64_t errors = (uint64_t)json_integer_value(json_object_get(c, "errors"));
    if (errors_of(&plain) != errors)
        fail_msg("%s: %llu errors", id, (unsigned long long)errors_of(&plain));
    memcpy(want.errors, plain.errors, sizeof want.errors);
    want.tag_errors = plain.tag_errors;
    want.unknown_fields = plain.unknown_fields;
    char *both = said_differ(&want, "case", &plain, "plain");
    if (both != NULL)
        fail_msg("%s\n%s", id, both);
    said_release(&want);
    said_release(&plain);
    compare(&o, input.ptr, input.len, id);
    buf_release(&input);
}

static void every_case_of_the_corpus_is_read_as_it_says(void **unused)
{
    (void)unused;
    const char *folder = getenv("STATSD_CONFORMANCE");
    char path[512], *line = NULL;
    size_t room = 0, n = 0;
    snprintf(path, sizeof path, "%s/protocol.jsonl", folder ? folder : "tests/conformance");
    FILE *f = fopen(path, "r");
    if (f == NULL)
        fail_msg("%s cannot be read (run from the root of the tree)", path);
    while (getline(&line, &room, f) > 0) {
        json_t *c = json_loads(line, JSON_ALLOW_NUL, NULL);
        assert_non_null(c);
        const char *transport =
            json_string_value(json_object_get(json_object_get(c, "opts"), "transport"));
        if (transport == NULL || strcmp(transport, "datagram") == 0) {
            check_case(c);
            n++;
        }
        json_decref(c);
    }
    assert_true(n >= LEAST_CASES);
    free(line);
    fclose(f);
}

/* ---- lines at random ---- */

static void random_datagrams_are_read_alike(void **unused)
{
    (void)unused;
    struct line_maker m = { .state = 13 };
    struct buf last = { 0 }, next = { 0 };
    for (unsigned i = 0; i < DATAGRAMS; i++) {
        buf_clear(&next);
        if (i % 4 == 0 || last.len > 4096)
            for (unsigned n = line_below(&m, 4) + 1; n > 0; n--) {
                line_make(&m, &next);
                buf_append_char(&next, '\n');
            }
        else
            line_change(&m, buf_slice(&last), &next);
        if (next.len > DATAGRAM_MAX)
            next.len = DATAGRAM_MAX;
        struct said_opts o = said_opts_of(line_below(&m, 256));
        char what[32];
        snprintf(what, sizeof what, "datagram %u", i);
        buf_reserve(&next, 1);
        compare(&o, next.ptr, next.len, what);
        struct buf swap = last;
        last = next;
        next = swap;
    }
    buf_release(&last);
    buf_release(&next);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_case_of_the_corpus_is_read_as_it_says),
        cmocka_unit_test(random_datagrams_are_read_alike),
    };
    return cmocka_run_group_tests_name("plain_reader", tests, NULL, NULL);
}
