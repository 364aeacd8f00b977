/* An event or a check as one XADD: its arguments, read back by hiredis. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <hiredis/hiredis.h>
#include <jansson.h>

#include "base/slice.h"
#include "sinks/redis/entry.h"
#include "sinks/redis/keys.h"

static const struct redis_entry_origin origin = { .prefix = "sd",
                                                  .instance = "web-1",
                                                  .id = "0123456789abcdef0123456789abcdef",
                                                  .max_entries = 10000 };

/* The arguments behind `*`, as "name=value" joined by blanks; those before it are looked at. */
static void fields_of(const struct redis_entry *e, const char *key, char *out, size_t n)
{
    redisReader *reader = redisReaderCreate();
    redisReply *r = NULL;
    assert_int_equal(redisReaderFeed(reader, e->bytes, e->len), REDIS_OK);
    assert_int_equal(redisReaderGetReply(reader, (void **)&r), REDIS_OK);
    assert_non_null(r); /* whole */
    assert_int_equal(reader->pos, reader->len);
    const char *const head[] = { "XADD", key, "MAXLEN", "~", "10000", "*" };
    assert_int_equal(r->type, REDIS_REPLY_ARRAY);
    assert_true(r->elements > ARRAY_LEN(head) && r->elements % 2 == 0);
    for (size_t i = 0; i < ARRAY_LEN(head); i++)
        assert_string_equal(r->element[i]->str, head[i]);
    size_t len = 0;
    out[0] = '\0';
    for (size_t i = ARRAY_LEN(head); i < r->elements; i += 2) {
        len += (size_t)snprintf(out + len, n - len, "%s%s=%s", len > 0 ? " " : "",
                                r->element[i]->str, r->element[i + 1]->str);
        assert_true(len < n);
    }
    freeReplyObject(r);
    redisReaderFree(reader);
}

#define ID "id=0123456789abcdef0123456789abcdef-"

static void every_field_that_came_is_there_and_no_other(void **state)
{
    static const struct slice tags[] = { { "env:prod", 8 }, { "bare", 4 } };
    const struct {
        struct event_entry e;
        const char *key, *want;
    } cases[] = {
        { { .kind = EVENT_ENTRY,
            .seq = 1,
            .received_ms = 1700000000123,
            .title = SLICE_LIT("T"),
            .text = SLICE_LIT(""),
            .priority = "normal",
            .alert_type = "info" },
          "{sd:events}:log",
          ID "1 instance=web-1 received_ms=1700000000123 title=T text= priority=normal "
             "alert_type=info tags=[]" },
        { { .kind = EVENT_ENTRY,
            .seq = UINT64_MAX,
            .received_ms = 5,
            .has_timestamp = true,
            .timestamp = INT64_MAX,
            .title = SLICE_LIT("a\nb"),
            .text = SLICE_LIT("c\r\nd"),
            .hostname = SLICE_LIT("h"),
            .aggregation_key = SLICE_LIT("k"),
            .source_type = SLICE_LIT("s"),
            .priority = "low",
            .alert_type = "error",
            .n_tags = 2,
            .tags = tags },
          "{sd:events}:log",
          ID "18446744073709551615 instance=web-1 received_ms=5 title=a\nb text=c\r\nd "
             "priority=low alert_type=error aggregation_key=k source_type=s "
             "timestamp=9223372036854775807 host=h tags=[\"env:prod\",\"bare\"]" },
        { { .kind = CHECK_ENTRY, .seq = 7, .title = SLICE_LIT("db.up"), .status = 3 },
          "{sd:checks}:log",
          ID "7 instance=web-1 received_ms=0 name=db.up status=3 tags=[]" },
        { { .kind = CHECK_ENTRY,
            .seq = 8,
            .has_timestamp = true,
            .timestamp = 1,
            .title = SLICE_LIT("db.up"),
            .text = SLICE_LIT("fine"),
            .hostname = SLICE_LIT("h"),
            .n_tags = 1,
            .tags = tags },
          "{sd:checks}:log",
          ID "8 instance=web-1 received_ms=0 name=db.up status=0 message=fine timestamp=1 host=h "
             "tags=[\"env:prod\"]" },
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char got[1024];
        struct redis_entry *e = redis_entry_new(&origin, &cases[i].e);
        fields_of(e, cases[i].key, got, sizeof got);
        assert_string_equal(got, cases[i].want);
        assert_int_equal(e->cargo, REDIS_CARGO_ENTRY);
        assert_int_equal(e->place, redis_keys_stream(cases[i].e.kind));
        free(e);
    }
}

static void tags_are_json_whatever_bytes_they_have(void **state)
{
    const struct slice tags[] = {
        SLICE_LIT("q:\"\\/"), SLICE_LIT("c:\x01\n\t\x1f"),
        SLICE_LIT("d:\x7f"),  SLICE_LIT("u:\xc3\xa4\xf0\x9f\x98\x80"),
        SLICE_LIT("],[\"x"),  SLICE_LIT("\\u0041"),
    };
    const struct event_entry check = { .kind = CHECK_ENTRY,
                                       .seq = 1,
                                       .title = SLICE_LIT("n"),
                                       .n_tags = ARRAY_LEN(tags),
                                       .tags = tags };
    char got[1024];
    json_error_t error;
    (void)state;
    struct redis_entry *e = redis_entry_new(&origin, &check);
    fields_of(e, "{sd:checks}:log", got, sizeof got);
    json_t *read = json_loads(strstr(got, "tags=") + 5, 0, &error);
    if (read == NULL)
        fail_msg("%s in %s", error.text, got);
    assert_int_equal(json_array_size(read), ARRAY_LEN(tags));
    for (size_t i = 0; i < ARRAY_LEN(tags); i++) {
        const json_t *one = json_array_get(read, i);
        assert_int_equal(json_string_length(one), tags[i].len);
        assert_memory_equal(json_string_value(one), tags[i].ptr, tags[i].len);
    }
    json_decref(read);
    free(e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_field_that_came_is_there_and_no_other),
        cmocka_unit_test(tags_are_json_whatever_bytes_they_have),
    };
    return cmocka_run_group_tests_name("redis_entry", tests, NULL, NULL);
}
