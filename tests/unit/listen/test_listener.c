#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "listen/listener.h"

/* In place of chmod for the server: notes the file's mode until then, and can fail. */
static mode_t mode_before_chmod;
static int chmod_errno;
static void (*before_chmod)(void);

int chmod(const char *path, mode_t mode)
{
    struct stat st;
    if (before_chmod != NULL)
        before_chmod();
    if (stat(path, &st) == 0)
        mode_before_chmod = st.st_mode & 0777;
    errno = chmod_errno;
    return chmod_errno != 0 ? -1 : fchmodat(AT_FDCWD, path, mode, 0);
}

static char dir[] = "/tmp/test_listener.XXXXXX";

static int make_dir(void **unused)
{
    (void)unused;
    return mkdtemp(dir) == NULL ? -1 : 0;
}

static int remove_dir(void **unused)
{
    (void)unused;
    return rmdir(dir); /* fails when a test left a file */
}

static struct listen_address address(const char *url)
{
    static const struct listen_address defaults = { .rcvbuf = 1 << 20,
                                                    .mode = LISTEN_MODE_DEFAULT };
    struct listen_address a;
    struct buf error = { 0 };
    assert_int_equal(socket_url_parse(slice_str(url), &defaults, &a, &error), 0);
    buf_release(&error);
    return a;
}

static void open_listener(const char *url, unsigned workers, struct listener *l)
{
    struct listen_address a = address(url);
    struct buf error = { 0 };
    int rc = listener_open(&a, workers, l, &error);
    if (rc < 0)
        fail_msg("%.*s", (int)error.len, error.ptr);
    buf_release(&error);
}

static int sender_to(const struct listener *l)
{
    int fd = socket(l->address.addr.ss_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    assert_true(fd >= 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)&l->address.addr, l->address.addr_len),
                     0);
    return fd;
}

static unsigned port_of(int fd)
{
    struct sockaddr_storage at;
    socklen_t len = sizeof at;
    assert_int_equal(getsockname(fd, (struct sockaddr *)&at, &len), 0);
    return ntohs(at.ss_family == AF_INET6 ? ((struct sockaddr_in6 *)&at)->sin6_port
                                          : ((struct sockaddr_in *)&at)->sin_port);
}

static unsigned drain(int fd)
{
    char buf[2048];
    unsigned n = 0;
    while (recv(fd, buf, sizeof buf, MSG_DONTWAIT) >= 0)
        n++;
    return n;
}

static void all_workers_get_the_same_port_also_a_picked_one(void **unused)
{
    (void)unused;
    static const char *const urls[] = { "udp://127.0.0.1:0", "udp://[::1]:0" };
    for (size_t i = 0; i < ARRAY_LEN(urls); i++) {
        struct listener l;
        open_listener(urls[i], 5, &l);
        assert_int_equal(l.n, 5);
        unsigned port = port_of(l.fds[0]);
        assert_int_not_equal(port, 0);
        char name[64];
        snprintf(name, sizeof name, "%.*s%u", (int)strlen(urls[i]) - 1, urls[i], port);
        assert_string_equal(l.address.name, name);
        for (unsigned w = 0; w < l.n; w++)
            assert_int_equal(port_of(l.fds[w]), port);
        assert_true(l.rcvbuf_granted >= 4096);
        listener_close(&l);
        assert_int_equal(l.n, 0);
    }
}

static void a_port_in_use_is_refused_and_the_message_says_what_to_do(void **unused)
{
    (void)unused;
    for (unsigned workers = 1; workers <= 3; workers += 2) {
        struct listener first, second;
        open_listener("udp://127.0.0.1:0", workers, &first);
        struct buf error = { 0 };
        assert_int_equal(listener_open(&first.address, workers, &second, &error), -EADDRINUSE);
        buf_append_char(&error, '\0');
        assert_non_null(strstr(error.ptr, first.address.name));
        assert_non_null(strstr(error.ptr, "another server has this port"));
        buf_release(&error);
        listener_close(&first);
    }
}

static void what_cannot_be_bound_has_its_remedy(void **unused)
{
    (void)unused;
    static const struct {
        const char *url;
        int rc;
        const char *says;
    } rows[] = {
        { "udp://192.0.2.1:0", -EADDRNOTAVAIL, "no interface" },
        { "unixgram:///nowhere/at/all.sock", -ENOENT, "does not exist" },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct listen_address a = address(rows[i].url);
        struct listener l;
        struct buf error = { 0 };
        assert_int_equal(listener_open(&a, 2, &l, &error), rows[i].rc);
        buf_append_char(&error, '\0');
        assert_non_null(strstr(error.ptr, rows[i].says));
        buf_release(&error);
    }
}

static void unix_url(char *url, size_t room, const char *query)
{
    snprintf(url, room, "unixgram://%s/s.sock%s", dir, query);
}

static void a_stale_socket_file_is_replaced_and_a_live_one_is_not(void **unused)
{
    (void)unused;
    char url[128];
    unix_url(url, sizeof url, "");
    struct listen_address a = address(url);
    int stale = socket(AF_UNIX, SOCK_DGRAM, 0);
    assert_int_equal(bind(stale, (struct sockaddr *)&a.addr, a.addr_len), 0);
    struct listener l, second;
    struct buf error = { 0 };
    assert_int_equal(listener_open(&a, 1, &l, &error), -EADDRINUSE); /* it still answers */
    buf_append_char(&error, '\0');
    assert_non_null(strstr(error.ptr, "another server listens there"));
    buf_release(&error);
    close(stale);
    open_listener(url, 3, &l);
    assert_int_equal(l.n, 1);
    assert_int_equal(listener_open(&a, 1, &second, &error), -EADDRINUSE);
    int s = sender_to(&l);
    assert_int_equal(send(s, "x:1|c", 5, 0), 5); /* the refused one left the file alone */
    assert_int_equal(drain(l.fds[0]), 1);
    close(s);
    listener_close(&l);
    assert_int_equal(access(((struct sockaddr_un *)&a.addr)->sun_path, F_OK), -1);
    buf_release(&error);
}

/* The file was removed by hand and another server began there: ours leaves its file alone. */
static void a_socket_file_that_is_not_ours_any_more_is_left_alone(void **unused)
{
    (void)unused;
    char url[128];
    unix_url(url, sizeof url, "");
    struct listener ours, other;
    open_listener(url, 1, &ours);
    assert_int_equal(unlink(((struct sockaddr_un *)&ours.address.addr)->sun_path), 0);
    open_listener(url, 1, &other);
    listener_close(&ours);
    int s = sender_to(&other);
    assert_int_equal(send(s, "x:1|c", 5, 0), 5);
    assert_int_equal(drain(other.fds[0]), 1);
    close(s);
    listener_close(&other);
    assert_int_equal(access(((struct sockaddr_un *)&other.address.addr)->sun_path, F_OK), -1);
}

static void a_lost_file_is_noticed_and_bound_again_once_nobody_else_has_it(void **unused)
{
    (void)unused;
    char url[128], away[160];
    unix_url(url, sizeof url, "?mode=0640");
    struct listener ours, other;
    struct buf error = { 0 };
    struct stat st;
    open_listener(url, 1, &ours);
    const char *path = ((struct sockaddr_un *)&ours.address.addr)->sun_path;
    int first = ours.fds[0];
    snprintf(away, sizeof away, "%s.away", path);
    assert_int_equal(listener_look(&ours), LISTENER_FILE_THERE);

    assert_int_equal(rename(path, away), 0);
    assert_int_equal(listener_look(&ours), LISTENER_FILE_GONE);
    assert_int_equal(symlink(away, path), 0);
    assert_int_equal(listener_look(&ours), LISTENER_FILE_THERE);
    assert_int_equal(unlink(path), 0);

    open_listener(url, 1, &other);
    assert_int_equal(listener_look(&ours), LISTENER_FILE_REPLACED);
    assert_int_equal(listener_bind_again(&ours, &error), -EADDRINUSE);
    assert_int_equal(ours.lost, -EADDRINUSE);
    assert_int_equal(ours.fds[0], first);
    buf_append_char(&error, '\0');
    assert_non_null(strstr(error.ptr, "another server listens there"));
    close(other.fds[0]); /* it dies, its file stays */
    assert_int_equal(listener_look(&ours), LISTENER_FILE_REPLACED);
    assert_int_equal(listener_bind_again(&ours, &error), 0);
    assert_int_equal(ours.lost, 0);
    assert_int_equal(listener_look(&ours), LISTENER_FILE_THERE);
    assert_true(stat(path, &st) == 0 && (st.st_mode & 0777) == 0640);
    int s = sender_to(&ours);
    assert_int_equal(send(s, "x:1|c", 5, 0), 5);
    assert_int_equal(drain(ours.fds[0]), 1);
    close(s);
    close(first);
    listener_close(&ours);
    assert_int_equal(access(path, F_OK), -1);
    assert_int_equal(unlink(away), 0);
    buf_release(&error);
}

static void sockets_without_a_file_are_never_lost(void **unused)
{
    (void)unused;
    char abstract[64];
    snprintf(abstract, sizeof abstract, "unixgram://@test_listener.%d", (int)getpid());
    const char *const urls[] = { "udp://127.0.0.1:0", abstract };
    for (size_t i = 0; i < ARRAY_LEN(urls); i++) {
        struct listener l;
        open_listener(urls[i], 1, &l);
        assert_int_equal(listener_look(&l), LISTENER_FILE_THERE);
        listener_close(&l);
    }
}

static void a_file_that_is_no_socket_is_left_alone(void **unused)
{
    (void)unused;
    char url[128], path[128];
    unix_url(url, sizeof url, "");
    snprintf(path, sizeof path, "%s/s.sock", dir);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    fclose(f);
    struct listen_address a = address(url);
    struct listener l;
    struct buf error = { 0 };
    assert_int_equal(listener_open(&a, 1, &l, &error), -ENOTSOCK);
    buf_release(&error);
    assert_int_equal(unlink(path), 0);
}

static void a_socket_file_has_the_mode_asked_for(void **unused)
{
    (void)unused;
    static const struct {
        const char *query;
        mode_t mode;
    } rows[] = { { "", 0666 }, { "?mode=0600", 0600 }, { "?mode=0660", 0660 } };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        char url[128];
        unix_url(url, sizeof url, rows[i].query);
        struct listener l;
        open_listener(url, 1, &l);
        struct stat st;
        assert_int_equal(stat(((struct sockaddr_un *)&l.address.addr)->sun_path, &st), 0);
        assert_int_equal(st.st_mode & 0777, rows[i].mode);
        listener_close(&l);
    }
}

static void a_socket_file_is_never_open_to_more_than_its_mode_says(void **unused)
{
    (void)unused;
    char url[128];
    struct listener l;
    mode_t before = umask(0);
    unix_url(url, sizeof url, "?mode=0600");
    open_listener(url, 1, &l);
    (void)umask(before);
    assert_int_equal(mode_before_chmod & 077, 0);
    listener_close(&l);
}

static void a_socket_that_cannot_get_its_mode_leaves_no_file(void **unused)
{
    (void)unused;
    char url[128];
    struct stat st;
    struct listener l;
    struct buf error = { 0 };
    unix_url(url, sizeof url, "");
    struct listen_address a = address(url);
    chmod_errno = EPERM;
    assert_int_equal(listener_open(&a, 1, &l, &error), -EPERM);
    chmod_errno = 0;
    assert_int_equal(lstat(((struct sockaddr_un *)&a.addr)->sun_path, &st), -1);
    buf_release(&error);
}

static char swapped[4][128]; /* the socket, where it goes, a file of somebody's, a URL */

static void swap(void)
{
    assert_int_equal(rename(swapped[0], swapped[1]), 0);
    assert_int_equal(symlink(swapped[2], swapped[0]), 0);
}

static void a_link_in_the_place_of_a_new_socket_changes_no_other_file(void **unused)
{
    (void)unused;
    struct stat st;
    struct listener l;
    unix_url(swapped[3], sizeof swapped[3], "");
    struct listen_address a = address(swapped[3]);
    snprintf(swapped[0], sizeof swapped[0], "%s", ((struct sockaddr_un *)&a.addr)->sun_path);
    snprintf(swapped[1], sizeof swapped[1], "%s/moved", dir);
    snprintf(swapped[2], sizeof swapped[2], "%s/victim", dir);
    assert_int_equal(close(open(swapped[2], O_WRONLY | O_CREAT | O_CLOEXEC, 0600)), 0);
    before_chmod = swap;
    open_listener(swapped[3], 1, &l);
    before_chmod = NULL;
    assert_int_equal(stat(swapped[2], &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(stat(swapped[1], &st), 0);
    assert_int_equal(st.st_mode & 0777, 0666);
    listener_close(&l);
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(unlink(swapped[i]), 0);
}

static void an_abstract_socket_leaves_no_file(void **unused)
{
    (void)unused;
    char url[64];
    snprintf(url, sizeof url, "unixgram://@test_listener.%d", (int)getpid());
    struct listener l;
    open_listener(url, 2, &l);
    int s = sender_to(&l);
    assert_int_equal(send(s, "x:1|c", 5, 0), 5);
    assert_int_equal(drain(l.fds[0]), 1);
    close(s);
    listener_close(&l);
}

/* ---- refusing ---- */

static void what_was_queued_stays_and_later_senders_are_refused(void **unused)
{
    (void)unused;
    char unix_at[128];
    unix_url(unix_at, sizeof unix_at, "");
    const char *const urls[] = { "udp://127.0.0.1:0", "udp://[::1]:0", "udp://0.0.0.0:0", unix_at };
    for (size_t i = 0; i < ARRAY_LEN(urls); i++) {
        struct listener l;
        open_listener(urls[i], 2, &l);
        struct listen_address to = l.address;
        if (strstr(urls[i], "0.0.0.0") != NULL)
            ((struct sockaddr_in *)&to.addr)->sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        int senders[8];
        for (unsigned s = 0; s < ARRAY_LEN(senders); s++) {
            senders[s] = socket(to.addr.ss_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
            assert_int_equal(connect(senders[s], (struct sockaddr *)&to.addr, to.addr_len), 0);
            assert_int_equal(send(senders[s], "x:1|c", 5, 0), 5);
        }
        listener_refuse(&l);
        bool udp = l.address.transport == LISTEN_UDP;
        for (unsigned s = 0; s < ARRAY_LEN(senders); s++) {
            ssize_t first = send(senders[s], "y:1|c", 5, 0); /* UDP hears of it after this one */
            ssize_t second = send(senders[s], "y:1|c", 5, 0);
            assert_true(second == -1 && errno == (udp ? ECONNREFUSED : EPIPE));
            assert_true(udp || first == -1);
            close(senders[s]);
        }
        unsigned got = 0;
        for (unsigned w = 0; w < l.n; w++)
            got += drain(l.fds[w]);
        assert_int_equal(got, ARRAY_LEN(senders));
        listener_close(&l);
    }
}

/* ---- its numbers ---- */

static void a_listener_knows_which_worker_reads_which_of_its_sockets(void **unused)
{
    (void)unused;
    static struct listener l[4];
    l[0] = (struct listener){ .n = 3, .n_readers = 3, .places = { 0, 0, 0 } };
    l[1] = (struct listener){ .n = 1, .reader = 1, .n_readers = 1, .places = { 1 } };
    l[2] = (struct listener){ .n = 3, .n_readers = 3, .places = { 1, 2, 1 } };
    l[3] = (struct listener){ .n = 0 };
    static const int want[][3] = { { 0, 1, 2 }, { -1, 0, -1 }, { 0, 1, 2 }, { -1, -1, -1 } };
    for (size_t i = 0; i < ARRAY_LEN(l); i++)
        for (unsigned w = 0; w < 3; w++)
            assert_int_equal(listener_place_of(&l[i], w), want[i][w]);
    static const int at[][3] = { { 0, 0, 0 }, { 2, 1, 2 }, { -1, 2, -1 } }; /* by place, worker */
    for (unsigned place = 0; place < 3; place++)
        for (unsigned w = 0; w < 3; w++)
            assert_ptr_equal(listener_at(l, ARRAY_LEN(l), w, (uint16_t)place),
                             at[place][w] < 0 ? NULL : &l[at[place][w]]);
    const struct socket_stats of_worker[] = {
        { .datagrams = 10 },
        { .datagrams = 11 },
        { .datagrams = 12 },
    };
    for (size_t i = 0; i < ARRAY_LEN(l); i++)
        listener_take_stats(&l[i], 1, of_worker);
    assert_int_equal(l[0].stats[1].datagrams, 10);
    assert_int_equal(l[1].stats[0].datagrams, 11);
    assert_int_equal(l[2].stats[1].datagrams, 12);
    assert_int_equal(l[0].stats[0].datagrams + l[2].stats[2].datagrams, 0);
}

static void a_listener_is_hot_when_one_worker_gets_nearly_all_and_loses_some(void **unused)
{
    (void)unused;
    /* clang-format off */
    static const struct {
        uint64_t datagrams[2], drops[2]; /* more than the second before */
        bool hot;
        uint64_t told_drops;
    } rows[] = {
        { { 30000, 100 }, { 5, 0 }, true, 5 },
        { { 100, 30000 }, { 7, 3 }, true, 3 },
        { { 30000, 100 }, { 0, 9 }, false, 0 },      /* it is the idle one that loses */
        { { 20000, 0 }, { 1, 0 }, true, 1 },
        { { 19999, 0 }, { 1, 0 }, false, 1 },        /* too few to matter */
        { { 27000, 3000 }, { 1, 0 }, true, 1 },
        { { 26999, 3001 }, { 1, 0 }, false, 1 },     /* below nine in ten */
        { { 0, 0 }, { 0, 0 }, false, 0 },
    };
    /* clang-format on */
    static struct listener l = { .n = 2, .n_readers = 2 };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct listener_heat heat;
        for (unsigned k = 0; k < 2; k++) {
            l.stats[k].datagrams += rows[i].datagrams[k];
            l.stats[k].kernel_drops += rows[i].drops[k];
        }
        assert_int_equal(listener_is_hot(&l, &heat), rows[i].hot);
        assert_int_equal(heat.datagrams, rows[i].datagrams[0] + rows[i].datagrams[1]);
        assert_int_equal(heat.kernel_drops, rows[i].told_drops);
    }
}

static void a_closed_listener_is_as_one_that_was_never_open(void **unused)
{
    (void)unused;
    struct listener l;
    struct buf error = { 0 };
    struct listen_address a;
    const struct listen_address defaults = { .rcvbuf = 1 << 20 };
    assert_int_equal(socket_url_parse(SLICE_LIT("udp://127.0.0.1:0"), &defaults, &a, &error), 0);
    assert_int_equal(listener_open(&a, 2, &l, &error), 0);
    l.by_payload = l.kept = l.in_use = true;
    listener_close(&l);
    assert_true(l.n == 0 && l.n_before == 0 && l.n_readers == 0);
    assert_false(l.by_payload || l.kept || l.in_use);
    listener_close(&l); /* nothing is left to close */
    buf_release(&error);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_workers_get_the_same_port_also_a_picked_one),
        cmocka_unit_test(a_port_in_use_is_refused_and_the_message_says_what_to_do),
        cmocka_unit_test(what_cannot_be_bound_has_its_remedy),
        cmocka_unit_test(a_stale_socket_file_is_replaced_and_a_live_one_is_not),
        cmocka_unit_test(a_socket_file_that_is_not_ours_any_more_is_left_alone),
        cmocka_unit_test(a_lost_file_is_noticed_and_bound_again_once_nobody_else_has_it),
        cmocka_unit_test(sockets_without_a_file_are_never_lost),
        cmocka_unit_test(a_file_that_is_no_socket_is_left_alone),
        cmocka_unit_test(a_socket_file_has_the_mode_asked_for),
        cmocka_unit_test(a_socket_file_is_never_open_to_more_than_its_mode_says),
        cmocka_unit_test(a_socket_that_cannot_get_its_mode_leaves_no_file),
        cmocka_unit_test(a_link_in_the_place_of_a_new_socket_changes_no_other_file),
        cmocka_unit_test(an_abstract_socket_leaves_no_file),
        cmocka_unit_test(what_was_queued_stays_and_later_senders_are_refused),
        cmocka_unit_test(a_listener_knows_which_worker_reads_which_of_its_sockets),
        cmocka_unit_test(a_listener_is_hot_when_one_worker_gets_nearly_all_and_loses_some),
        cmocka_unit_test(a_closed_listener_is_as_one_that_was_never_open),
    };
    return cmocka_run_group_tests_name("listener", tests, make_dir, remove_dir);
}
