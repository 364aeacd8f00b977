#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "aggregate/event_log.h"

enum { KEEP = 3 };

static void assert_slice(struct slice s, const char *want)
{
    if (want == NULL) {
        assert_null(s.ptr);
        return;
    }
    assert_non_null(s.ptr);
    assert_int_equal(s.len, strlen(want));
    assert_memory_equal(s.ptr, want, s.len);
}

static void add_event(struct event_log *l, const char *title)
{
    event_log_add(l, &(struct event_entry){ .kind = EVENT_ENTRY,
                                            .title = slice_str(title),
                                            .text = SLICE_LIT(""),
                                            .priority = "normal",
                                            .alert_type = "info" });
}

static void add_check(struct event_log *l, const char *name, uint8_t status)
{
    event_log_add(l, &(struct event_entry){
                         .kind = CHECK_ENTRY, .title = slice_str(name), .status = status });
}

static void an_entry_is_a_copy_of_all_that_it_was_made_of(void **state)
{
    (void)state;
    struct event_log *l = event_log_new(KEEP);
    char bytes[] = "title,text,host,key,source,a:b,c";
    struct slice tags[] = { slice_of(bytes + 27, 3), slice_of(bytes + 31, 1) };
    event_log_add(l, &(struct event_entry){ .kind = EVENT_ENTRY,
                                            .seq = 99,
                                            .received_ms = 1700000000123,
                                            .has_timestamp = true,
                                            .timestamp = 1600000000,
                                            .title = slice_of(bytes, 5),
                                            .text = slice_of(bytes + 6, 4),
                                            .hostname = slice_of(bytes + 11, 4),
                                            .aggregation_key = slice_of(bytes + 16, 3),
                                            .source_type = slice_of(bytes + 20, 6),
                                            .priority = "low",
                                            .alert_type = "error",
                                            .n_tags = 2,
                                            .tags = tags });
    memset(bytes, 'X', sizeof bytes);
    memset(tags, 0, sizeof tags);
    const struct event_entry *e = event_log_at(l, EVENT_ENTRY, 0);
    assert_int_equal(e->kind, EVENT_ENTRY);
    assert_int_equal(e->seq, 1);
    assert_int_equal(e->received_ms, 1700000000123);
    assert_true(e->has_timestamp);
    assert_int_equal(e->timestamp, 1600000000);
    assert_slice(e->title, "title");
    assert_slice(e->text, "text");
    assert_slice(e->hostname, "host");
    assert_slice(e->aggregation_key, "key");
    assert_slice(e->source_type, "source");
    assert_string_equal(e->priority, "low");
    assert_string_equal(e->alert_type, "error");
    assert_int_equal(e->n_tags, 2);
    assert_slice(e->tags[0], "a:b");
    assert_slice(e->tags[1], "c");
    event_log_free(l);
}

static void what_is_absent_stays_absent_and_what_is_empty_stays_empty(void **state)
{
    (void)state;
    struct event_log *l = event_log_new(KEEP);
    add_event(l, "t");
    add_check(l, "up", 2);
    const struct event_entry *e = event_log_at(l, EVENT_ENTRY, 0);
    assert_slice(e->text, "");
    assert_slice(e->hostname, NULL);
    assert_int_equal(e->n_tags, 0);
    const struct event_entry *c = event_log_at(l, CHECK_ENTRY, 0);
    assert_slice(c->title, "up");
    assert_slice(c->text, NULL);
    assert_null(c->priority);
    assert_null(c->alert_type);
    assert_int_equal(c->status, 2);
    event_log_free(l);
}

static void the_last_of_each_kind_are_kept_the_newest_first(void **state)
{
    static const char *const names[] = { "a", "b", "c", "d", "e", "f", "g" };
    (void)state;
    struct event_log *l = event_log_new(KEEP);
    assert_int_equal(event_log_count(l, EVENT_ENTRY), 0);
    add_check(l, "seldom", 1);
    for (size_t n = 1; n <= ARRAY_LEN(names); n++) {
        add_event(l, names[n - 1]);
        size_t count = n < KEEP ? n : KEEP;
        assert_int_equal(event_log_count(l, EVENT_ENTRY), count);
        for (size_t i = 0; i < count; i++) {
            assert_slice(event_log_at(l, EVENT_ENTRY, i)->title, names[n - 1 - i]);
            assert_int_equal(event_log_at(l, EVENT_ENTRY, i)->seq, n + 1 - i);
        }
    }
    assert_int_equal(event_log_count(l, CHECK_ENTRY), 1);
    assert_slice(event_log_at(l, CHECK_ENTRY, 0)->title, "seldom");
    event_log_free(l);
}

static void a_log_of_one_has_the_newest(void **state)
{
    (void)state;
    struct event_log *l = event_log_new(1);
    add_event(l, "a");
    add_event(l, "b");
    assert_int_equal(event_log_count(l, EVENT_ENTRY), 1);
    assert_slice(event_log_at(l, EVENT_ENTRY, 0)->title, "b");
    event_log_free(l);
}

struct heard {
    struct event_log *log;
    unsigned n;
    uint64_t seq;
};

static void hear(void *cookie, const struct event_entry *e)
{
    struct heard *h = cookie;
    h->n++;
    h->seq = e->seq;
    assert_ptr_equal(e, event_log_at(h->log, e->kind, 0));
}

static void each_entry_is_told_with_its_seq_until_nobody_listens(void **state)
{
    (void)state;
    struct event_log *l = event_log_new(KEEP);
    struct heard h = { .log = l };
    add_event(l, "before");
    event_log_tell(l, hear, &h);
    add_event(l, "a");
    assert_int_equal(h.seq, 2);
    add_check(l, "up", 0);
    assert_int_equal(h.seq, 3);
    event_log_tell(l, NULL, NULL);
    add_event(l, "after");
    assert_int_equal(h.n, 2);
    event_log_free(l);
    event_log_free(NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_entry_is_a_copy_of_all_that_it_was_made_of),
        cmocka_unit_test(what_is_absent_stays_absent_and_what_is_empty_stays_empty),
        cmocka_unit_test(the_last_of_each_kind_are_kept_the_newest_first),
        cmocka_unit_test(a_log_of_one_has_the_newest),
        cmocka_unit_test(each_entry_is_told_with_its_seq_until_nobody_listens),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
