#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/now.h"
#include "capture/capture.h"
#include "support/capture_dir.h"

enum { FEEDS = 2, RING_BYTES = 1 << 16, WAIT_MS = 5000 };

static const uint16_t places[] = { 0 };

struct rig {
    struct capture_socket socket;
    struct tap_ring *rings[FEEDS];
    struct capture_feed feeds[FEEDS];
    struct capture_opts opts;
    struct capture *capture;
};

static void rig_start(struct rig *r, const struct capture_dir *d)
{
    *r = (struct rig){ .socket = { .url = "unixgram://@x", .address.ss_family = AF_UNIX } };
    for (int i = 0; i < FEEDS; i++) {
        r->rings[i] = tap_ring_new(RING_BYTES);
        r->feeds[i] = (struct capture_feed){ r->rings[i], places, 1 };
    }
    r->opts = (struct capture_opts){ .dir = d->fd,
                                     .snaplen = 1 << 18,
                                     .file_bytes = UINT64_MAX,
                                     .max_files = 4,
                                     .sockets = &r->socket,
                                     .n_sockets = 1,
                                     .feeds = r->feeds,
                                     .n_feeds = FEEDS };
}

/* Until its file is there, or it says that there is none. */
static struct capture_seen await_begin(const struct rig *r)
{
    struct capture_seen seen;
    capture_await(r->capture, WAIT_MS, &seen);
    assert_true(seen.began || seen.ended);
    return seen;
}

static void rig_begin(struct rig *r)
{
    assert_int_equal(capture_start(&r->opts, &r->capture), 0);
    assert_true(await_begin(r).began);
}

static void bring(const struct rig *r, int feed, uint64_t stamp_ns, const char *text)
{
    const struct tap_record rec = { .len = (uint32_t)strlen(text),
                                    .orig_len = (uint32_t)strlen(text),
                                    .share = 1,
                                    .stamp_ns = stamp_ns };
    assert_true(tap_ring_put(r->rings[feed], &rec, text));
}

static void publish(const struct rig *r)
{
    for (int i = 0; i < FEEDS; i++)
        tap_ring_publish(r->rings[i]);
}

static struct capture_seen rig_end(struct rig *r)
{
    struct capture_seen seen;
    capture_finish(r->capture);
    assert_true(capture_join(r->capture, WAIT_MS, &seen));
    for (int i = 0; i < FEEDS; i++)
        tap_ring_free(r->rings[i]);
    assert_true(seen.ended);
    return seen;
}

/* A disk that hangs, while `disk_hangs` is locked. */
static pthread_mutex_t disk_hangs = PTHREAD_MUTEX_INITIALIZER;

int fsync(int fd)
{
    (void)fd;
    pthread_mutex_lock(&disk_hangs);
    pthread_mutex_unlock(&disk_hangs);
    return 0;
}

/* Making a file asks it first. */
int faccessat(int dir, const char *name, int mode, int flags)
{
    pthread_mutex_lock(&disk_hangs);
    pthread_mutex_unlock(&disk_hangs);
    return (int)syscall(SYS_faccessat2, dir, name, mode, flags);
}

/* A disk that is full, or not. */
static _Atomic bool disk_full;

int fstatvfs(int fd, struct statvfs *ret)
{
    (void)fd;
    *ret = (struct statvfs){ .f_blocks = 100, .f_bavail = disk_full ? 4 : 50 };
    return 0;
}

static void a_disk_that_hangs_holds_up_the_end_only_so_long(void **state)
{
    const struct capture_dir *d = *state;
    struct capture_seen seen;
    struct rig r;
    rig_start(&r, d);
    bring(&r, 0, 1, "a");
    publish(&r);
    rig_begin(&r);
    pthread_mutex_lock(&disk_hangs);
    capture_finish(r.capture);
    assert_false(capture_join(r.capture, 20, &seen));
    pthread_mutex_unlock(&disk_hangs);
    seen = rig_end(&r);
    assert_int_equal(seen.packets, 1);
}

static void wait_until_over(const struct rig *r, struct capture_seen *ret)
{
    const struct timespec pause = { .tv_nsec = 1000000 };
    const uint64_t until_ms = now_mono_ms() + WAIT_MS;
    do {
        assert_true(now_mono_ms() < until_ms);
        (void)nanosleep(&pause, NULL);
        capture_look(r->capture, ret);
    } while (ret->over == CAPTURE_GOES_ON);
}

static void expect(const struct capture_dir *d, const char *wanted)
{
    struct buf all = { 0 };
    capture_dir_payloads(d, &all);
    buf_append_char(&all, '\0');
    assert_string_equal(all.ptr, wanted);
    buf_release(&all);
}

static void what_several_workers_bring_is_in_the_order_of_its_times(void **state)
{
    const struct capture_dir *d = *state;
    struct rig r;
    rig_start(&r, d);
    bring(&r, 0, 1, "a");
    bring(&r, 0, 4, "d");
    bring(&r, 1, 2, "b");
    bring(&r, 1, 3, "c");
    publish(&r);
    rig_begin(&r);
    struct capture_seen seen = rig_end(&r);
    assert_int_equal(seen.over, CAPTURE_GOES_ON);
    assert_int_equal(seen.packets, 4);
    assert_int_equal(seen.lost, 0);
    assert_int_equal(seen.files, 1);
    expect(d, "[a][b][c][d]");
}

static void all_that_was_brought_before_the_end_is_written(void **state)
{
    enum { N = 4000 };
    const struct capture_dir *d = *state;
    struct rig r;
    uint64_t put = 0;
    rig_start(&r, d);
    rig_begin(&r);
    for (int i = 0; i < N; i++) {
        const struct tap_record rec = { .len = 3, .orig_len = 3, .share = 1, .stamp_ns = 5 };
        put += tap_ring_put(r.rings[i % FEEDS], &rec, "a:1");
        publish(&r);
    }
    struct capture_seen seen = rig_end(&r);
    assert_int_equal(seen.packets, put);
}

static void it_is_over_at_max_bytes_and_no_packet_is_lost_by_it(void **state)
{
    const struct capture_dir *d = *state;
    struct capture_seen seen;
    struct rig r;
    rig_start(&r, d);
    r.opts.max_bytes = 300;
    rig_begin(&r);
    for (int i = 0; i < 10; i++)
        bring(&r, 0, 1, "0123456789");
    publish(&r);
    wait_until_over(&r, &seen);
    assert_int_equal(seen.over, CAPTURE_END_MAX_BYTES);
    seen = rig_end(&r);
    assert_true(seen.bytes <= 300 && seen.packets > 0 && seen.packets < 10);
    assert_int_equal(seen.lost, 0);
}

static void it_is_over_when_its_time_is(void **state)
{
    const struct capture_dir *d = *state;
    struct capture_seen seen;
    struct rig r;
    rig_start(&r, d);
    r.opts.until_ms = now_wall_ms() + 20;
    rig_begin(&r);
    wait_until_over(&r, &seen);
    assert_int_equal(seen.over, CAPTURE_END_TIME);
    (void)rig_end(&r);
}

/* The rings are read late: what came before its time was over lies there still. */
static void its_time_is_that_at_which_a_packet_came(void **state)
{
    const struct capture_dir *d = *state;
    struct capture_seen seen;
    struct rig r;
    rig_start(&r, d);
    r.opts.until_ms = now_wall_ms() - 1000;
    const uint64_t until_ns = (uint64_t)r.opts.until_ms * 1000000;
    rig_begin(&r);
    wait_until_over(&r, &seen);
    bring(&r, 0, until_ns - 2, "a");
    bring(&r, 0, until_ns, "late");
    bring(&r, 1, until_ns - 1, "b");
    publish(&r);
    seen = rig_end(&r);
    assert_int_equal(seen.over, CAPTURE_END_TIME);
    assert_int_equal(seen.packets, 2);
    assert_int_equal(seen.lost, 0);
    expect(d, "[a][b]");
}

static void what_comes_for_a_full_disk_is_counted(void **state)
{
    const struct capture_dir *d = *state;
    struct capture_seen seen;
    struct rig r;
    disk_full = true;
    rig_start(&r, d);
    rig_begin(&r);
    wait_until_over(&r, &seen);
    bring(&r, 0, 1, "a");
    bring(&r, 1, 2, "b");
    publish(&r);
    seen = rig_end(&r);
    disk_full = false;
    assert_int_equal(seen.over, CAPTURE_END_DISK_FULL);
    assert_int_equal(seen.packets, 0);
    assert_int_equal(seen.lost, 2);
}

static void limit_files_to(rlim_t bytes)
{
    struct rlimit limit;
    getrlimit(RLIMIT_FSIZE, &limit);
    limit.rlim_cur = bytes == 0 ? limit.rlim_max : bytes;
    (void)signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

static void a_disk_that_fails_ends_it_and_what_it_did_not_take_is_counted(void **state)
{
    const struct capture_dir *d = *state;
    struct capture_seen seen;
    struct rig r;
    rig_start(&r, d);
    rig_begin(&r);
    limit_files_to(60);
    for (int i = 0; i < 10; i++)
        bring(&r, 1, 1, "0123456789");
    publish(&r);
    wait_until_over(&r, &seen); /* it writes once a second */
    bring(&r, 1, 2, "later");
    publish(&r);
    seen = rig_end(&r);
    limit_files_to(0);
    assert_int_equal(seen.over, CAPTURE_END_ERROR);
    assert_true(seen.error < 0);
    assert_int_equal(seen.packets, 0);
    assert_int_equal(seen.lost, 11);
}

static void without_a_folder_it_does_not_begin(void **state)
{
    const struct capture_dir *d = *state;
    struct rig r;
    rig_start(&r, d);
    r.opts.dir = -1;
    assert_int_equal(capture_start(&r.opts, &r.capture), 0);
    assert_false(await_begin(&r).began);
    struct capture_seen seen = rig_end(&r);
    assert_false(seen.began);
    assert_int_equal(seen.over, CAPTURE_END_ERROR);
    assert_int_equal(seen.error, -EBADF);
}

/* Control has other things to do, and may have it end before it begins. */
static void who_starts_it_does_not_wait_for_the_disk(void **state)
{
    const struct capture_dir *d = *state;
    struct capture_seen seen;
    struct rig r;
    for (int ended = 0; ended < 2; ended++) {
        rig_start(&r, d);
        pthread_mutex_lock(&disk_hangs);
        assert_int_equal(capture_start(&r.opts, &r.capture), 0);
        capture_await(r.capture, 2, &seen);
        assert_false(seen.began || seen.ended);
        assert_int_equal(capture_dir_count(d), 0);
        if (ended)
            capture_finish(r.capture);
        pthread_mutex_unlock(&disk_hangs);
        assert_int_equal(await_begin(&r).began, !ended);
        seen = rig_end(&r);
        assert_int_equal(seen.began, !ended);
        assert_int_equal(capture_dir_count(d), !ended);
        if (!ended)
            assert_int_equal(unlinkat(d->fd, seen.file, 0), 0);
    }
}

static void as_many_sockets_are_described_as_there_is_room_for(void **state)
{
    enum { N = 1000 };
    static struct capture_socket sockets[N];
    static char url[400] = "unixgram://";
    const struct capture_dir *d = *state;
    struct rig r;
    rig_start(&r, d);
    memset(url + strlen(url), 'x', sizeof url - strlen(url) - 1);
    for (int i = 0; i < N; i++)
        sockets[i] = (struct capture_socket){ .url = url, .address.ss_family = AF_UNIX };
    r.opts.sockets = sockets;
    r.opts.n_sockets = N;
    bring(&r, 0, 1, "a");
    publish(&r);
    rig_begin(&r);
    (void)rig_end(&r);
    expect(d, "[a]");
}

int main(void)
{
#define IN_DIR(f) cmocka_unit_test_setup_teardown(f, capture_dir_setup, capture_dir_teardown)
    const struct CMUnitTest tests[] = {
        IN_DIR(what_several_workers_bring_is_in_the_order_of_its_times),
        IN_DIR(all_that_was_brought_before_the_end_is_written),
        IN_DIR(it_is_over_at_max_bytes_and_no_packet_is_lost_by_it),
        IN_DIR(it_is_over_when_its_time_is),
        IN_DIR(its_time_is_that_at_which_a_packet_came),
        IN_DIR(what_comes_for_a_full_disk_is_counted),
        IN_DIR(a_disk_that_fails_ends_it_and_what_it_did_not_take_is_counted),
        IN_DIR(without_a_folder_it_does_not_begin),
        IN_DIR(who_starts_it_does_not_wait_for_the_disk),
        IN_DIR(a_disk_that_hangs_holds_up_the_end_only_so_long),
        IN_DIR(as_many_sockets_are_described_as_there_is_room_for),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
