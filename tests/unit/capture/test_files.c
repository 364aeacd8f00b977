#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmocka.h>

#include "capture/files.h"
#include "support/capture_dir.h"

#define AT_MS INT64_C(1795770000123) /* 2026-11-27T09:00:00.123Z */
static const char at_name[] = "statsd-20261127T090000.123Z.pcap";

static void only_the_shape_of_a_name_makes_a_file_ours(void **unused)
{
    static const struct {
        const char *name;
        bool ours, part;
    } rows[] = {
        { "statsd-20261127T090000.123Z.pcap", true, false },
        { "statsd-20261127T090000.123Z.pcap.part", true, true },
        { "statsd-20261127T090000.123Z.pcap.gz", false, false },
        { "statsd-20261127T090000.123Z.pca", false, false },
        { "statsd-20261127T090000.12xZ.pcap", false, false },
        { "statsd-2026", false, false },
        { "statsd.state", false, false },
        { "x", false, false },
    };
    (void)unused;
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        bool part = false;
        assert_int_equal(capture_files_ours(rows[i].name, &part), rows[i].ours);
        assert_int_equal(part, rows[i].part);
    }
}

static void a_file_is_closed_to_others_and_has_its_name_when_it_is_whole(void **state)
{
    struct capture_dir *d = *state;
    struct capture_files f;
    struct stat st;
    capture_files_init(&f, d->fd, 4);
    assert_int_equal(capture_files_create(&f, AT_MS), 0);
    assert_string_equal(f.name, at_name);
    assert_false(capture_dir_has(d, at_name));
    assert_int_equal(fstat(f.fd, &st), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    assert_int_equal(capture_files_write(&f, SLICE_LIT("abc")), 0);
    assert_int_equal(capture_files_finish(&f), 0);
    assert_int_equal(capture_dir_bytes(d, at_name), 3);
    assert_int_equal(capture_dir_count(d), 1);
}

/* Others who tidy the folder meanwhile. */
static unsigned renamed, renamed_unlocked;

int renameat(int from_dir, const char *from, int to_dir, const char *to)
{
    int other = openat(from_dir, from, O_RDONLY | O_CLOEXEC);
    renamed++;
    renamed_unlocked += flock(other, LOCK_EX | LOCK_NB) == 0;
    close(other);
    return (int)syscall(SYS_renameat2, from_dir, from, to_dir, to, 0);
}

static void a_file_is_locked_until_it_has_its_name(void **state)
{
    struct capture_dir *d = *state;
    struct capture_files f;
    renamed = renamed_unlocked = 0;
    capture_files_init(&f, d->fd, 4);
    assert_int_equal(capture_files_create(&f, AT_MS), 0);
    assert_int_equal(capture_files_finish(&f), 0);
    assert_int_equal(renamed, 1);
    assert_int_equal(renamed_unlocked, 0);
}

static void a_file_that_another_has_named_is_finished(void **state)
{
    struct capture_dir *d = *state;
    struct capture_files f;
    char part[CAPTURE_NAME_MAX];
    snprintf(part, sizeof part, "%s.part", at_name);
    capture_files_init(&f, d->fd, 4);
    for (int named = 1; named >= 0; named--) {
        assert_int_equal(capture_files_create(&f, AT_MS), 0);
        assert_string_equal(f.name, at_name);
        assert_int_equal(renameat(d->fd, part, d->fd, named ? at_name : "elsewhere"), 0);
        assert_int_equal(capture_files_finish(&f), named ? 0 : -ENOENT);
        if (named)
            assert_int_equal(unlinkat(d->fd, at_name, 0), 0);
    }
}

static void a_name_that_is_taken_is_passed_over(void **state)
{
    struct capture_dir *d = *state;
    struct capture_files f;
    capture_dir_put(d, "statsd-20261127T090000.123Z.pcap", "old");
    capture_dir_put(d, "statsd-20261127T090000.124Z.pcap.part", "other");
    assert_int_equal(symlinkat("/etc/passwd", d->fd, "statsd-20261127T090000.125Z.pcap.part"), 0);
    capture_files_init(&f, d->fd, 9);
    assert_int_equal(capture_files_create(&f, AT_MS), 0);
    assert_string_equal(f.name, "statsd-20261127T090000.126Z.pcap");
    assert_int_equal(capture_files_finish(&f), 0);
    assert_int_equal(capture_dir_bytes(d, "statsd-20261127T090000.123Z.pcap"), 3);
}

static void the_oldest_go_and_no_other_file(void **state)
{
    struct capture_dir *d = *state;
    struct capture_files f;
    capture_dir_put(d, "notes.txt", "mine");
    capture_dir_put(d, "statsd-20250101T000000.000Z.pcap.gz", "packed by somebody");
    assert_int_equal(mkdirat(d->fd, "statsd-20240101T000000.000Z.pcap", 0700), 0);
    capture_dir_put(d, "statsd-20261127T000002.000Z.pcap", "2");
    capture_dir_put(d, "statsd-20261127T000001.000Z.pcap", "1");
    capture_dir_put(d, "statsd-20261127T000003.000Z.pcap", "3");
    capture_files_init(&f, d->fd, 2);
    assert_int_equal(capture_files_create(&f, AT_MS), 0);
    assert_int_equal(capture_files_tidy(&f), 0);
    assert_int_equal(f.n, 2);
    assert_false(capture_dir_has(d, "statsd-20261127T000001.000Z.pcap"));
    assert_false(capture_dir_has(d, "statsd-20261127T000002.000Z.pcap"));
    assert_true(capture_dir_has(d, "statsd-20261127T000003.000Z.pcap"));
    assert_int_equal(capture_dir_count(d), 5);
    capture_files_drop(&f);
    assert_int_equal(capture_dir_count(d), 4);
}

static void age(const struct capture_dir *d, const char *name)
{
    const struct timespec long_ago[2] = { { .tv_sec = 1000 }, { .tv_sec = 1000 } };
    assert_int_equal(utimensat(d->fd, name, long_ago, 0), 0);
}

static void what_a_crash_left_gets_its_name_and_what_another_process_writes_does_not(void **state)
{
    struct capture_dir *d = *state;
    struct capture_files f;
    capture_dir_put(d, "statsd-20261127T000001.000Z.pcap.part", "left");
    capture_dir_put(d, "statsd-20261127T000002.000Z.pcap.part", "locked");
    capture_dir_put(d, "statsd-20261127T000003.000Z.pcap.part", "too new");
    age(d, "statsd-20261127T000001.000Z.pcap.part");
    age(d, "statsd-20261127T000002.000Z.pcap.part");
    int other = openat(d->fd, "statsd-20261127T000002.000Z.pcap.part", O_RDONLY | O_CLOEXEC);
    assert_int_equal(flock(other, LOCK_EX), 0);
    capture_files_init(&f, d->fd, 9);
    assert_int_equal(capture_files_tidy(&f), 0);
    assert_true(capture_dir_has(d, "statsd-20261127T000001.000Z.pcap"));
    assert_true(capture_dir_has(d, "statsd-20261127T000002.000Z.pcap.part"));
    assert_true(capture_dir_has(d, "statsd-20261127T000003.000Z.pcap.part"));
    assert_int_equal(f.n, 3);
    close(other);
}

int main(void)
{
#define IN_DIR(f) cmocka_unit_test_setup_teardown(f, capture_dir_setup, capture_dir_teardown)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_the_shape_of_a_name_makes_a_file_ours),
        IN_DIR(a_file_is_closed_to_others_and_has_its_name_when_it_is_whole),
        IN_DIR(a_file_is_locked_until_it_has_its_name),
        IN_DIR(a_file_that_another_has_named_is_finished),
        IN_DIR(a_name_that_is_taken_is_passed_over),
        IN_DIR(the_oldest_go_and_no_other_file),
        IN_DIR(what_a_crash_left_gets_its_name_and_what_another_process_writes_does_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
