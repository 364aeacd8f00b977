#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/notify.h"
#include "base/buf.h"
#include "base/now.h"

static char dir[] = "/tmp/test_notify.XXXXXX";

static int make_dir(void **unused)
{
    (void)unused;
    return mkdtemp(dir) == NULL ? -1 : 0;
}

static int remove_dir(void **unused)
{
    (void)unused;
    return rmdir(dir);
}

/* The other end: one message, with its descriptors. */
struct heard {
    char text[1024];
    int fds[NOTIFY_FDS_MAX];
    size_t n_fds;
};

static int manager_new(const char *where)
{
    struct sockaddr_un at = { .sun_family = AF_UNIX };
    strcpy(at.sun_path, where);
    if (where[0] == '@')
        at.sun_path[0] = '\0';
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    socklen_t len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(where));
    assert_int_equal(bind(fd, (struct sockaddr *)&at, len), 0);
    return fd;
}

static void hear(int fd, struct heard *ret)
{
    union {
        struct cmsghdr head;
        char room[CMSG_SPACE(NOTIFY_FDS_MAX * sizeof(int))];
    } control;
    struct iovec iov = { ret->text, sizeof ret->text - 1 };
    struct msghdr m = {
        .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control
    };
    ssize_t n = recvmsg(fd, &m, MSG_CMSG_CLOEXEC);
    assert_true(n > 0);
    ret->text[n] = '\0';
    ret->n_fds = 0;
    struct cmsghdr *c = CMSG_FIRSTHDR(&m);
    if (c == NULL)
        return;
    assert_int_equal(c->cmsg_type, SCM_RIGHTS);
    ret->n_fds = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    memcpy(ret->fds, CMSG_DATA(c), ret->n_fds * sizeof(int));
}

static void close_heard(const struct heard *h)
{
    for (size_t i = 0; i < h->n_fds; i++)
        close(h->fds[i]);
}

static void a_manager_is_found_by_path_and_by_abstract_name(void **unused)
{
    (void)unused;
    char path[64], name[64];
    snprintf(path, sizeof path, "%s/n", dir);
    snprintf(name, sizeof name, "@test-notify-%d", (int)getpid());
    const char *const rows[] = { path, name };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct notify n;
        struct heard h;
        int fd = manager_new(rows[i]);
        assert_int_equal(notify_open(&n, rows[i]), 0);
        assert_true(notify_there(&n));
        assert_int_equal(notify_say(&n, "READY=1\nSTATUS=all is well"), 0);
        hear(fd, &h);
        assert_string_equal(h.text, "READY=1\nSTATUS=all is well");
        assert_int_equal(h.n_fds, 0);
        notify_close(&n);
        assert_false(notify_there(&n));
        close(fd);
    }
    unlink(path);
}

static bool notify_keeps(struct notify *n, int wait_ms)
{
    struct notify_probe p;
    if (!notify_probe_begin(n, &p))
        return false;
    (void)notify_probe_answered(&p, wait_ms);
    return notify_probe_end(n, &p);
}

static void without_a_manager_nothing_happens(void **unused)
{
    (void)unused;
    char longest[128];
    memset(longest, 'x', sizeof longest);
    longest[0] = '/';
    longest[sizeof longest - 1] = '\0';
    const struct {
        const char *where;
        int rc;
    } rows[] = {
        { NULL, 0 },          { "", 0 }, { "relative", -EINVAL }, { "vsock:2:1", -EINVAL },
        { longest, -EINVAL },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct notify n;
        assert_int_equal(notify_open(&n, rows[i].where), rows[i].rc);
        assert_false(notify_there(&n));
        assert_int_equal(notify_say(&n, "READY=1"), 0);
        assert_false(notify_barrier(&n, NOTIFY_WAIT_MS));
        assert_false(notify_keeps(&n, NOTIFY_WAIT_MS));
        notify_close(&n);
    }
    struct notify n;
    assert_int_equal(notify_open(&n, "/nowhere/at/all"), 0);
    assert_int_equal(notify_say(&n, "READY=1"), -ENOENT); /* a manager that is gone is no harm */
    notify_close(&n);
}

static void descriptors_go_along_as_many_as_a_message_takes(void **unused)
{
    (void)unused;
    char path[64];
    int fds[NOTIFY_FDS_MAX];
    struct notify n;
    static struct heard h;
    snprintf(path, sizeof path, "%s/n", dir);
    int fd = manager_new(path);
    assert_int_equal(notify_open(&n, path), 0);
    static const size_t rows[] = { 1, 2, NOTIFY_FDS_MAX };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct stat a, b;
        for (size_t k = 0; k < rows[i]; k++)
            fds[k] = dup(fd);
        assert_int_equal(notify_say_with(&n, "FDSTORE=1", fds, rows[i]), 0);
        hear(fd, &h);
        assert_int_equal(h.n_fds, rows[i]);
        assert_int_equal(fstat(h.fds[rows[i] - 1], &a), 0);
        assert_int_equal(fstat(fd, &b), 0);
        assert_int_equal(a.st_ino, b.st_ino);
        close_heard(&h);
        for (size_t k = 0; k < rows[i]; k++)
            close(fds[k]);
    }
    notify_close(&n);
    close(fd);
    unlink(path);
}

/* ---- what a manager does shows at the end of a pipe ---- */

struct manager {
    int fd;
    bool keeps; /* what it is asked to keep */
    atomic_uint messages;
};

static void *manage(void *cookie)
{
    struct manager *m = cookie;
    struct heard h, kept = { .n_fds = 0 };
    do {
        hear(m->fd, &h);
        atomic_fetch_add(&m->messages, 1);
        if (m->keeps && strncmp(h.text, "FDSTORE=1", 9) == 0)
            kept = h;
        else
            close_heard(&h);
        if (strncmp(h.text, "FDSTOREREMOVE=1", 15) == 0) {
            close_heard(&kept);
            kept.n_fds = 0;
        }
    } while (strcmp(h.text, "END=1") != 0);
    close_heard(&kept);
    return NULL;
}

static void a_barrier_waits_for_the_manager_and_a_probe_sees_whether_it_keeps(void **unused)
{
    (void)unused;
    char path[64];
    snprintf(path, sizeof path, "%s/n", dir);
    for (int keeps = 0; keeps < 2; keeps++) {
        struct notify n;
        pthread_t thread;
        struct manager m = { .fd = manager_new(path), .keeps = keeps };
        assert_int_equal(notify_open(&n, path), 0);
        assert_int_equal(pthread_create(&thread, NULL, manage, &m), 0);
        notify_say(&n, "STATUS=1");
        notify_say(&n, "STATUS=2");
        assert_true(notify_barrier(&n, NOTIFY_WAIT_MS));
        assert_int_equal(atomic_load(&m.messages),
                         3); /* it has read all before the barrier ended */
        for (int i = 0; i < 3; i++)
            assert_int_equal(notify_keeps(&n, NOTIFY_WAIT_MS), keeps);
        notify_say(&n, "END=1");
        pthread_join(thread, NULL);
        notify_close(&n);
        close(m.fd);
        unlink(path);
    }
}

static void a_manager_that_does_not_read_is_not_waited_for_long(void **unused)
{
    (void)unused;
    char path[64];
    struct notify n;
    snprintf(path, sizeof path, "%s/n", dir);
    int fd = manager_new(path);
    assert_int_equal(notify_open(&n, path), 0);
    assert_false(notify_keeps(&n, 10));
    notify_close(&n);
    close(fd);
    unlink(path);
}

static void a_heartbeat_does_not_wait_for_a_manager_that_does_not_read(void **unused)
{
    (void)unused;
    enum { BEATS = 1000 };
    char path[64];
    struct notify n;
    snprintf(path, sizeof path, "%s/n", dir);
    int rc = 0, fd = manager_new(path);
    assert_int_equal(notify_open(&n, path), 0);
    for (int i = 0; i < BEATS && rc == 0; i++)
        rc = notify_try(&n, "WATCHDOG=1");
    assert_int_equal(rc, -EAGAIN);
    uint64_t begun_ms = now_mono_ms();
    for (int i = 0; i < BEATS; i++)
        assert_int_equal(notify_try(&n, "WATCHDOG=1"), -EAGAIN);
    assert_true(now_mono_ms() - begun_ms < BEATS * (uint64_t)NOTIFY_SEND_MS / 10);
    notify_close(&n);
    close(fd);
    unlink(path);
}

static void a_manager_that_does_not_read_is_waited_for_once(void **unused)
{
    (void)unused;
    char path[64];
    snprintf(path, sizeof path, "%s/n", dir);
    for (int probed = 0; probed < 2; probed++) {
        struct notify n;
        int fd = manager_new(path);
        assert_int_equal(notify_open(&n, path), 0);
        uint64_t begun_ms = now_mono_ms();
        if (probed)
            assert_false(notify_keeps(&n, 10));
        for (int i = 0; i < 1000; i++)
            (void)notify_say(&n, "STATUS=busy");
        for (int i = 0; i < 10; i++)
            assert_false(notify_barrier(&n, NOTIFY_WAIT_MS));
        assert_false(notify_keeps(&n, 0));
        assert_true(n.deaf);
        assert_true(now_mono_ms() - begun_ms < 2 * NOTIFY_SEND_MS);
        notify_close(&n);
        close(fd);
        unlink(path);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_manager_is_found_by_path_and_by_abstract_name),
        cmocka_unit_test(without_a_manager_nothing_happens),
        cmocka_unit_test(descriptors_go_along_as_many_as_a_message_takes),
        cmocka_unit_test(a_barrier_waits_for_the_manager_and_a_probe_sees_whether_it_keeps),
        cmocka_unit_test(a_manager_that_does_not_read_is_not_waited_for_long),
        cmocka_unit_test(a_manager_that_does_not_read_is_waited_for_once),
        cmocka_unit_test(a_heartbeat_does_not_wait_for_a_manager_that_does_not_read),
    };
    return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
