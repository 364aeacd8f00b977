#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>

#include <cmocka.h>

#include "capture/output.h"
#include "support/capture_dir.h"

enum { NOW_MS = 1000, PAYLOAD = 1000, RECORD = PACKET_RECORD_BYTES + 28 + PAYLOAD };

static char payload[PAYLOAD];

static struct packet packet(void)
{
    return (struct packet){ .version = 4, .payload = { payload, PAYLOAD }, .len = PAYLOAD };
}

static struct output opened(const struct capture_dir *d, uint64_t max_bytes, uint64_t file_bytes,
                            unsigned max_files)
{
    struct output o = { .snaplen = PACKET_SNAPLEN,
                        .max_bytes = max_bytes,
                        .max_file_bytes = file_bytes };
    assert_int_equal(output_open(&o, d->fd, max_files, NOW_MS), 0);
    return o;
}

static void put(struct output *o, int n)
{
    const struct packet p = packet();
    for (int i = 0; i < n; i++)
        assert_int_equal(output_put(o, &p, NOW_MS), 0);
}

static size_t packets_in(const struct capture_dir *d)
{
    struct buf all = { 0 };
    size_t n = 0;
    capture_dir_payloads(d, &all);
    for (size_t i = 0; i < all.len; i++)
        n += all.ptr[i] == '[';
    buf_release(&all);
    return n;
}

static void the_next_file_begins_before_one_is_too_large(void **state)
{
    struct capture_dir *d = *state;
    const uint64_t three = PACKET_FILE_BYTES + 3 * RECORD + 100;
    struct output o = opened(d, 0, three, 9);
    put(&o, 7);
    assert_int_equal(o.packets, 7);
    assert_int_equal(output_close(&o), 0);
    assert_int_equal(o.files.n, 3);
    assert_int_equal(capture_dir_count(d), 3);
    assert_int_equal(packets_in(d), 7);
    assert_int_equal(capture_dir_bytes(d, "statsd-19700101T000001.000Z.pcap"),
                     PACKET_FILE_BYTES + 3 * RECORD);
    assert_int_equal(o.bytes, 3 * PACKET_FILE_BYTES + 7 * RECORD);
}

static void files_are_no_more_than_there_may_be(void **state)
{
    struct capture_dir *d = *state;
    struct output o = opened(d, 0, PACKET_FILE_BYTES + RECORD + 100, 3);
    put(&o, 10);
    assert_int_equal(output_close(&o), 0);
    assert_int_equal(capture_dir_count(d), 3);
    assert_int_equal(packets_in(d), 3);
    assert_int_equal(o.packets, 10);
}

static void it_is_full_before_max_bytes_are_passed(void **state)
{
    struct capture_dir *d = *state;
    struct output o = opened(d, PACKET_FILE_BYTES + 5 * RECORD + 100, UINT64_MAX, 9);
    const struct packet p = packet();
    int n = 0;
    for (; !output_is_full(&o, &p); n++)
        put(&o, 1);
    assert_int_equal(n, 5);
    assert_int_equal(output_close(&o), 0);
    assert_int_equal(packets_in(d), 5);
}

static void more_than_the_buffer_goes_to_the_disk(void **state)
{
    struct capture_dir *d = *state;
    enum { N = 3 * OUTPUT_BUFFER_BYTES / RECORD };
    struct output o = opened(d, 0, UINT64_MAX, 9);
    put(&o, N);
    assert_int_equal(output_close(&o), 0);
    assert_int_equal(packets_in(d), N);
}

/* As a full disk, but for the number of the error. */
static void limit_files_to(rlim_t bytes)
{
    struct rlimit r;
    getrlimit(RLIMIT_FSIZE, &r);
    r.rlim_cur = bytes == 0 ? r.rlim_max : bytes;
    (void)signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &r), 0);
}

static void what_a_disk_does_not_take_is_lost_and_the_file_ends_with_a_whole_packet(void **state)
{
    struct capture_dir *d = *state;
    struct output o = opened(d, 0, UINT64_MAX, 9);
    put(&o, 10);
    assert_int_equal(output_flush(&o), 0);
    put(&o, 20);
    limit_files_to(PACKET_FILE_BYTES + 15 * RECORD + 7);
    int rc = output_flush(&o);
    limit_files_to(0);
    assert_true(rc < 0);
    assert_int_equal(o.packets, 10);
    assert_int_equal(o.lost, 20);
    assert_int_equal(o.bytes, PACKET_FILE_BYTES + 10 * RECORD);
    assert_int_equal(output_close(&o), 0);
    assert_int_equal(packets_in(d), 10);
}

static void a_folder_that_takes_no_file_is_told(void **state)
{
    struct capture_dir *d = *state;
    struct output o = { .snaplen = PACKET_SNAPLEN, .max_file_bytes = UINT64_MAX };
    (void)d;
    assert_true(output_open(&o, -1, 9, NOW_MS) < 0);
    assert_null(o.buffer);
}

static void one_that_is_dropped_leaves_nothing(void **state)
{
    struct capture_dir *d = *state;
    struct output o = opened(d, 0, UINT64_MAX, 9);
    output_drop(&o);
    assert_int_equal(capture_dir_count(d), 0);
}

int main(void)
{
#define IN_DIR(f) cmocka_unit_test_setup_teardown(f, capture_dir_setup, capture_dir_teardown)
    const struct CMUnitTest tests[] = {
        IN_DIR(the_next_file_begins_before_one_is_too_large),
        IN_DIR(files_are_no_more_than_there_may_be),
        IN_DIR(it_is_full_before_max_bytes_are_passed),
        IN_DIR(more_than_the_buffer_goes_to_the_disk),
        IN_DIR(what_a_disk_does_not_take_is_lost_and_the_file_ends_with_a_whole_packet),
        IN_DIR(a_folder_that_takes_no_file_is_told),
        IN_DIR(one_that_is_dropped_leaves_nothing),
    };
    memset(payload, 'x', sizeof payload);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
