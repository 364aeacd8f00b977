#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "base/mem.h"
#include "base/slice.h"
#include "base/tap_ring.h"

enum { SMALL = 1024, EVENLY = 80 - sizeof(struct tap_record) }; /* 80: no divisor of the ring */

static bool put(struct tap_ring *r, const char *text)
{
    const uint32_t n = (uint32_t)strlen(text);
    return tap_ring_put(r, &(struct tap_record){ .len = n, .orig_len = n, .share = 1 }, text);
}

static void expect(struct tap_ring *r, const char *text)
{
    const struct tap_record *rec = tap_ring_next(r);
    assert_non_null(rec);
    assert_int_equal(rec->len, strlen(text));
    assert_memory_equal(tap_record_data(rec), text, rec->len);
}

static void what_is_taken_is_what_was_put(void **unused)
{
    const struct tap_record want = {
        .len = 5,
        .orig_len = 9,
        .share = 0.25f,
        .stamp_ns = 1700000000000000001,
        .listener = 513,
        .flags = TAP_TRUNCATED | TAP_STREAM,
        .sender = { .family = AF_INET6, .port = 65535, .address = { 0xfe, 0x80, [15] = 7 } },
    };
    (void)unused;
    struct tap_ring *r = tap_ring_new(SMALL);
    assert_true(tap_ring_put(r, &want, "a:1|c"));
    tap_ring_publish(r);
    const struct tap_record *rec = tap_ring_next(r);
    assert_non_null(rec);
    assert_int_equal(rec->len, want.len);
    assert_int_equal(rec->orig_len, want.orig_len);
    assert_true(rec->share == want.share);
    assert_int_equal(rec->stamp_ns, want.stamp_ns);
    assert_int_equal(rec->listener, want.listener);
    assert_int_equal(rec->flags, want.flags);
    assert_int_equal(rec->sender.family, want.sender.family);
    assert_int_equal(rec->sender.port, want.sender.port);
    assert_memory_equal(rec->sender.address, want.sender.address, sizeof want.sender.address);
    assert_memory_equal(tap_record_data(rec), "a:1|c", 5);
    assert_null(tap_ring_next(r));
    tap_ring_free(r);
    tap_ring_free(NULL);
}

static void the_consumer_sees_what_was_published_alone(void **unused)
{
    (void)unused;
    struct tap_ring *r = tap_ring_new(SMALL);
    assert_null(tap_ring_next(r));
    put(r, "a");
    assert_null(tap_ring_next(r));
    tap_ring_publish(r);
    put(r, "b");
    expect(r, "a");
    assert_null(tap_ring_next(r));
    tap_ring_publish(r);
    expect(r, "b");
    tap_ring_free(r);
}

static void records_go_around_the_ring_in_their_order(void **unused)
{
    char text[256];
    (void)unused;
    struct tap_ring *r = tap_ring_new(SMALL);
    for (int i = 0; i < 2000; i++) {
        memset(text, 'a' + i % 26, sizeof text);
        text[i % 200] = '\0'; /* of any length, the empty one too */
        assert_true(put(r, text));
        assert_true(put(r, "behind"));
        tap_ring_publish(r);
        expect(r, text);
        expect(r, "behind");
        assert_null(tap_ring_next(r));
        tap_ring_release(r);
    }
    tap_ring_free(r);
}

static void what_finds_the_ring_full_is_dropped_and_counted(void **unused)
{
    char text[EVENLY + 1];
    uint64_t fits = 0;
    (void)unused;
    memset(text, 'x', EVENLY);
    text[EVENLY] = '\0';
    struct tap_ring *r = tap_ring_new(SMALL);
    while (put(r, text))
        fits++;
    assert_int_equal(fits, SMALL / 80);
    assert_false(put(r, text));
    tap_ring_publish(r);
    struct tap_ring_counts c = tap_ring_counts(r);
    assert_int_equal(c.put, fits);
    assert_int_equal(c.put_bytes, fits * EVENLY);
    assert_int_equal(c.dropped, 2);
    assert_int_equal(c.dropped_bytes, 2 * EVENLY);
    expect(r, text);
    assert_false(put(r, text)); /* it was lent, and not given back */
    tap_ring_release(r);
    expect(r, text);
    tap_ring_release(r);
    assert_true(put(r, text)); /* the second one made up for the filler */
    tap_ring_free(r);
}

static void a_record_that_is_larger_than_the_ring_is_dropped(void **unused)
{
    static char large[2 * SMALL];
    (void)unused;
    struct tap_ring *r = tap_ring_new(SMALL);
    memset(large, 'x', sizeof large - 1);
    assert_false(put(r, large));
    large[SMALL - sizeof(struct tap_record)] = '\0'; /* as large as the ring */
    assert_true(put(r, large));
    tap_ring_publish(r);
    expect(r, large);
    tap_ring_free(r);
}

static void senders_are_printed_as_people_write_them(void **unused)
{
    static const struct {
        struct tap_sender sender;
        const char *whole, *host;
    } cases[] = {
        { { .family = AF_INET, .port = 8125, .address = { 10, 0, 0, 7 } },
          "10.0.0.7:8125",
          "10.0.0.7" },
        { { .family = AF_INET6, .port = 1, .address = { 0xfe, 0x80, [15] = 7 } },
          "[fe80::7]:1",
          "fe80::7" },
        { { .family = AF_INET6, .port = 5, .address = { [10] = 0xff, [11] = 0xff, 192, 0, 2, 1 } },
          NULL,
          "192.0.2.1" },
        { { .family = AF_UNIX, .port = 4711 }, "pid:4711", "unix:pid 4711" },
        { { .family = AF_UNIX }, "", "" },
        { { .family = AF_UNSPEC, .port = 9 }, "", "" },
    };
    (void)unused;
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char text[ADDRESS_TEXT_MAX];
        tap_sender_print(&cases[i].sender, text);
        if (cases[i].whole != NULL)
            assert_string_equal(text, cases[i].whole);
        tap_sender_print_host(&cases[i].sender, text);
        assert_string_equal(text, cases[i].host);
    }
}

/* ---- two threads ---- */

enum { MANY = 200000 };

struct pair {
    struct tap_ring *ring;
    _Atomic bool done;
};

/* Records of 8 to 127 bytes: their number, then bytes that follow from it; batches of 1 to 16. */
static void *produce(void *cookie)
{
    struct pair *p = cookie;
    char data[128];
    for (uint64_t i = 0; i < MANY; i++) {
        struct tap_record rec = { .len = 8 + (uint32_t)(i * 7 % 120), .share = 1 };
        rec.orig_len = rec.len;
        memcpy(data, &i, sizeof i);
        memset(data + sizeof i, (int)(i & 0x7f), sizeof data - sizeof i);
        tap_ring_put(p->ring, &rec, data);
        if (i * 2654435761u % 16 < 3)
            tap_ring_publish(p->ring);
    }
    tap_ring_publish(p->ring);
    atomic_store_explicit(&p->done, true, memory_order_release);
    return NULL;
}

/* returns  how many; *next: the least number that may follow */
static uint64_t consume(struct tap_ring *r, uint64_t *next)
{
    uint64_t n = 0;
    for (const struct tap_record *rec; n < 100 && (rec = tap_ring_next(r)) != NULL; n++) {
        uint64_t number;
        const char *data = tap_record_data(rec);
        memcpy(&number, data, sizeof number);
        assert_true(number >= *next && number < MANY);
        assert_int_equal(rec->len, 8 + number * 7 % 120);
        for (uint32_t i = sizeof number; i < rec->len; i++)
            assert_int_equal(data[i], number & 0x7f);
        *next = number + 1;
    }
    tap_ring_release(r);
    return n;
}

static void two_threads_lose_nothing_that_is_not_counted(void **unused)
{
    struct pair p = { .ring = tap_ring_new(4096) };
    pthread_t thread;
    uint64_t taken = 0, next = 0;
    (void)unused;
    assert_int_equal(pthread_create(&thread, NULL, produce, &p), 0);
    bool done = false;
    for (uint64_t n = 1; !done || n > 0; taken += n) {
        done = atomic_load_explicit(&p.done, memory_order_acquire);
        n = consume(p.ring, &next);
    }
    pthread_join(thread, NULL);
    struct tap_ring_counts c = tap_ring_counts(p.ring);
    assert_int_equal(c.put, taken);
    assert_int_equal(c.put + c.dropped, MANY);
    assert_true(taken > 0);
    tap_ring_free(p.ring);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_taken_is_what_was_put),
        cmocka_unit_test(the_consumer_sees_what_was_published_alone),
        cmocka_unit_test(records_go_around_the_ring_in_their_order),
        cmocka_unit_test(what_finds_the_ring_full_is_dropped_and_counted),
        cmocka_unit_test(a_record_that_is_larger_than_the_ring_is_dropped),
        cmocka_unit_test(senders_are_printed_as_people_write_them),
        cmocka_unit_test(two_threads_lose_nothing_that_is_not_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
