#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "capture/closer.h"
#include "support/capture_dir.h"

enum { NOW_MS = 1000 };

/* ---- a disk that takes its time ---- */

static struct {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool hangs;
    int error; /* of the next one */
} disk = { .lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER };

int fsync(int fd)
{
    (void)fd;
    pthread_mutex_lock(&disk.lock);
    while (disk.hangs)
        pthread_cond_wait(&disk.changed, &disk.lock);
    int error = disk.error;
    disk.error = 0;
    pthread_mutex_unlock(&disk.lock);
    errno = error;
    return error != 0 ? -1 : 0;
}

static void disk_hangs(bool on)
{
    pthread_mutex_lock(&disk.lock);
    disk.hangs = on;
    pthread_cond_broadcast(&disk.changed);
    pthread_mutex_unlock(&disk.lock);
}

/* ---- */

static unsigned parts_in(const struct capture_dir *d, int n)
{
    unsigned parts = 0;
    for (int i = 0; i < n; i++) {
        char name[CAPTURE_NAME_MAX];
        snprintf(name, sizeof name, "statsd-19700101T000001.%03dZ.pcap.part", i);
        parts += faccessat(d->fd, name, F_OK, 0) == 0;
    }
    return parts;
}

static void give(struct closer *c, struct capture_files *f, int n)
{
    for (int i = 0; i < n; i++) {
        assert_int_equal(capture_files_create(f, NOW_MS), 0);
        closer_give(c, f);
        assert_int_equal(f->fd, -1);
    }
}

static void who_gives_a_file_does_not_wait_for_the_disk(void **state)
{
    const struct capture_dir *d = *state;
    struct capture_files f;
    struct closer *c;
    unsigned n;
    capture_files_init(&f, d->fd, 9);
    assert_int_equal(closer_start(&f, &c), 0);
    disk_hangs(true);
    give(c, &f, CLOSER_FILES);
    assert_int_equal(parts_in(d, CLOSER_FILES), CLOSER_FILES);
    disk_hangs(false);
    assert_int_equal(closer_end(c, &n), 0);
    assert_int_equal(n, CLOSER_FILES);
    assert_int_equal(parts_in(d, CLOSER_FILES), 0);
    assert_int_equal(capture_dir_count(d), CLOSER_FILES);
}

static void a_file_that_fails_is_told_and_those_behind_it_are_finished(void **state)
{
    const struct capture_dir *d = *state;
    struct capture_files f;
    struct closer *c;
    unsigned n;
    capture_files_init(&f, d->fd, 9);
    assert_int_equal(closer_start(&f, &c), 0);
    disk.error = EIO;
    give(c, &f, 3);
    assert_int_equal(closer_end(c, &n), -EIO);
    assert_int_equal(n, 3);
    assert_int_equal(parts_in(d, 3), 1);
}

int main(void)
{
#define IN_DIR(f) cmocka_unit_test_setup_teardown(f, capture_dir_setup, capture_dir_teardown)
    const struct CMUnitTest tests[] = {
        IN_DIR(who_gives_a_file_does_not_wait_for_the_disk),
        IN_DIR(a_file_that_fails_is_told_and_those_behind_it_are_finished),
    };
#undef IN_DIR
    return cmocka_run_group_tests(tests, NULL, NULL);
}
