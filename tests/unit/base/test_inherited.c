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

#include "base/inherited.h"
#include "base/mem.h"

static char dir[] = "/tmp/test_inherited.XXXXXX";

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

/* ---- what the environment says ---- */

enum { PID = 4711, FIRST = 900 };

/* Descriptors FIRST.. that are open: pipes, each a file of its own. */
static void open_some(int n)
{
    for (int i = 0; i < n; i++) {
        int ends[2];
        assert_int_equal(pipe(ends), 0);
        close(ends[1]);
        assert_int_equal(dup2(ends[0], FIRST + i), FIRST + i);
        close(ends[0]);
    }
}

static void the_environment_is_read_or_told_what_is_wrong(void **unused)
{
    (void)unused;
    /* clang-format off */
    static const struct {
        const char *pid, *fds, *names;
        int open, rc, n;
        const char *error;
    } rows[] = {
        { "4711", "2", "a:b", 2, 0, 2, "" },
        { "4711", "2", NULL, 2, 0, 2, "" },
        { "4711", "2", "a", 2, 0, 2, "" },
        { "4711", "2", "a:b:c", 2, 0, 2, "" },
        { "4711", "0", "", 0, 0, 0, "" },
        { "4712", "2", "a:b", 0, 0, 0, "" },        /* another process' */
        { NULL, "2", "a:b", 0, 0, 0, "" },
        { "4711", NULL, "a:b", 0, 0, 0, "" },
        { NULL, NULL, NULL, 0, 0, 0, "" },
        { "4711", "3", "a:b:c", 2, -EBADF, 0, "LISTEN_FDS says 3, but descriptor 902 is not open" },
        { "4711", "8193", "", 0, -E2BIG, 0, "LISTEN_FDS says 8193; at most 8192 are taken" },
        { "4711", "99999999999", "", 0, -EINVAL, 0, "LISTEN_FDS is no number: 99999999999" },
        { "4711", "-1", "", 0, -EINVAL, 0, "LISTEN_FDS is no number: -1" },
        { "4711", "2x", "", 0, -EINVAL, 0, "LISTEN_FDS is no number: 2x" },
        { "4711", "", "", 0, -EINVAL, 0, "LISTEN_FDS is no number: " },
        { " 4711", "1", "", 0, -EINVAL, 0, "LISTEN_PID is no process id:  4711" },
        { "me", "1", "", 0, -EINVAL, 0, "LISTEN_PID is no process id: me" },
    };
    /* clang-format on */
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct inherited list = { 0 };
        struct buf error = { 0 };
        open_some(rows[i].open);
        const struct inherited_env env = { rows[i].pid, rows[i].fds, rows[i].names };
        int rc = inherited_read(&env, PID, FIRST, &list, &error);
        buf_append_char(&error, '\0');
        assert_int_equal(rc, rows[i].rc);
        assert_string_equal(error.ptr, rows[i].error);
        assert_int_equal(list.n, rows[i].n);
        for (size_t k = 0; k < list.n; k++) {
            assert_int_equal(list.at[k].fd, FIRST + k);
            assert_true(list.at[k].kept);
            assert_int_equal(fcntl(FIRST + (int)k, F_GETFD), FD_CLOEXEC);
        }
        buf_release(&error);
        inherited_release(&list);
        for (int k = 0; k < rows[i].open; k++)
            close(FIRST + k);
    }
}

static void names_go_by_their_place_and_a_missing_one_is_empty(void **unused)
{
    (void)unused;
    struct inherited list;
    struct buf error = { 0 };
    open_some(3);
    const struct inherited_env env = { "4711", "3", "one::" };
    assert_int_equal(inherited_read(&env, PID, FIRST, &list, &error), 0);
    assert_string_equal(list.at[0].name, "one");
    assert_string_equal(list.at[1].name, "");
    assert_string_equal(list.at[2].name, "");
    assert_int_equal(inherited_take_named(&list, "none"), -1);
    assert_int_equal(inherited_take_named(&list, "one"), FIRST);
    assert_int_equal(inherited_take_named(&list, "one"), -1);
    assert_ptr_equal(inherited_left(&list), &list.at[1]);
    close(FIRST);
    inherited_release(&list);
    assert_int_equal(fcntl(FIRST + 1, F_GETFD), -1); /* what nobody took is closed */
    assert_null(inherited_left(&list));
    buf_release(&error);
}

static void one_socket_given_twice_is_there_once(void **unused)
{
    (void)unused;
    struct inherited list = { 0 };
    int fd = socket(AF_INET, SOCK_DGRAM, 0), again = dup(fd),
        other = socket(AF_INET, SOCK_DGRAM, 0);
    inherited_add(&list, fd, "a", true);
    inherited_add(&list, again, "b", true);
    inherited_add(&list, other, "c", false);
    assert_int_equal(list.n, 2);
    assert_int_equal(fcntl(again, F_GETFD), -1);
    assert_false(list.at[1].kept);
    inherited_release(&list);
}

/* ---- names ---- */

static void an_own_name_is_what_a_manager_takes_and_never_the_same_twice(void **unused)
{
    (void)unused;
    static const char *const urls[][2] = {
        { "udp://127.0.0.1:8125", "own-udp%3A//127.0.0.1%3A8125" },
        { "udp://[::1]:0", "own-udp%3A//[%3A%3A1]%3A0" },
        { "unixgram:///a%3Ab", "own-unixgram%3A///a%253Ab" },
        { "unixgram:///a:b", "own-unixgram%3A///a%3Ab" },
        { "unixgram:///\xc3\xa9 x", "own-unixgram%3A///%C3%A9%20x" },
    };
    char name[INHERITED_NAME_MAX], other[INHERITED_NAME_MAX], a[256], b[256];
    for (size_t i = 0; i < ARRAY_LEN(urls); i++) {
        inherited_own_name(urls[i][0], name);
        assert_string_equal(name, urls[i][1]);
        assert_true(inherited_is_own(name));
    }
    memset(a, ':', sizeof a);
    memset(b, ':', sizeof b);
    a[120] = b[119] = 'x'; /* they differ beyond what a name has room for */
    a[121] = b[121] = '\0';
    inherited_own_name(a, name);
    inherited_own_name(b, other);
    assert_true(strlen(name) < INHERITED_NAME_MAX && strlen(other) < INHERITED_NAME_MAX);
    assert_string_not_equal(name, other);
    assert_false(inherited_is_own("statsd.socket"));
    assert_false(inherited_is_own("own"));
}

/* ---- sockets ---- */

union address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
    struct sockaddr_un un;
};

static int bound(int type, const char *where, union address *ret, socklen_t *ret_len)
{
    memset(ret, 0, sizeof *ret);
    if (where[0] == '/' || where[0] == '@') {
        ret->un.sun_family = AF_UNIX;
        strcpy(ret->un.sun_path, where);
        *ret_len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(where));
        if (where[0] == '@')
            ret->un.sun_path[0] = '\0';
    } else if (strchr(where, ':') != NULL) {
        ret->v6.sin6_family = AF_INET6;
        inet_pton(AF_INET6, where, &ret->v6.sin6_addr);
        *ret_len = sizeof ret->v6;
    } else {
        ret->v4.sin_family = AF_INET;
        inet_pton(AF_INET, where, &ret->v4.sin_addr);
        *ret_len = sizeof ret->v4;
    }
    int fd = socket(ret->any.sa_family, type | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, &ret->any, *ret_len), 0);
    if (type == SOCK_STREAM)
        assert_int_equal(listen(fd, 5), 0);
    *ret_len = sizeof *ret;
    assert_int_equal(getsockname(fd, &ret->any, ret_len), 0);
    return fd;
}

/* Each is looked for in a list of all, and nothing but it is found. */
static void a_socket_is_found_by_its_type_and_address(void **unused)
{
    (void)unused;
    char path[64], other[64], abstract[64];
    snprintf(path, sizeof path, "%s/a", dir);
    snprintf(other, sizeof other, "%s/b", dir);
    snprintf(abstract, sizeof abstract, "@inherited-%d", (int)getpid());
    const struct {
        int type;
        const char *where;
    } rows[] = {
        { SOCK_DGRAM, "127.0.0.1" }, { SOCK_DGRAM, "127.0.0.2" }, { SOCK_STREAM, "127.0.0.1" },
        { SOCK_DGRAM, "::1" },       { SOCK_STREAM, "::1" },      { SOCK_DGRAM, path },
        { SOCK_STREAM, other },      { SOCK_DGRAM, abstract },
    };
    struct inherited list = { 0 };
    union address at[ARRAY_LEN(rows)];
    socklen_t len[ARRAY_LEN(rows)];
    int fds[ARRAY_LEN(rows)];
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        fds[i] = bound(rows[i].type, rows[i].where, &at[i], &len[i]);
        inherited_add(&list, fds[i], "unit", true);
    }
    struct inherited_fd got[ARRAY_LEN(rows)];
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct inherited_want want = { rows[i].type, &at[i].any, len[i], NULL, false };
        assert_int_equal(inherited_take(&list, &want, got, ARRAY_LEN(rows)), 1);
        assert_int_equal(got[0].fd, fds[i]);
        assert_int_equal(inherited_take(&list, &want, got, ARRAY_LEN(rows)), 0);
        close(fds[i]);
    }
    assert_null(inherited_left(&list));
    inherited_release(&list);
    unlink(path);
    unlink(other);
}

static void a_path_is_found_by_another_spelling_of_it(void **unused)
{
    (void)unused;
    char path[64], alias[64], through[80];
    snprintf(path, sizeof path, "%s/s", dir);
    snprintf(alias, sizeof alias, "%s/alias", dir);
    snprintf(through, sizeof through, "%s/alias/s", dir);
    struct inherited list = { 0 };
    union address at;
    socklen_t len;
    int fd = bound(SOCK_DGRAM, path, &at, &len);
    inherited_add(&list, fd, "own-s", true);
    assert_int_equal(symlink(dir, alias), 0);
    strcpy(at.un.sun_path, through);
    struct inherited_fd got;
    struct inherited_want want = { SOCK_DGRAM, &at.any, sizeof at.un, NULL, true };
    assert_int_equal(inherited_take(&list, &want, &got, 1), 0); /* it is our own */
    want.others = false;
    assert_int_equal(inherited_take(&list, &want, &got, 1), 1);
    close(fd);
    inherited_release(&list);
    unlink(alias);
    unlink(path);
}

static void a_group_is_taken_whole_or_not_at_all_and_named_ones_come_first(void **unused)
{
    (void)unused;
    struct inherited list = { 0 };
    union address at, other_at;
    socklen_t len, other_len;
    int fds[3];
    const int on = 1;
    fds[0] = bound(SOCK_DGRAM, "127.0.0.1", &at, &len);
    setsockopt(fds[0], SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
    fds[1] = socket(AF_INET, SOCK_DGRAM, 0);
    setsockopt(fds[1], SOL_SOCKET, SO_REUSEPORT, &on, sizeof on);
    assert_int_equal(bind(fds[1], &at.any, len), 0);
    fds[2] = bound(SOCK_DGRAM, "127.0.0.1", &other_at, &other_len); /* port picked: by name alone */
    for (int i = 0; i < 3; i++)
        inherited_add(&list, fds[i], i == 2 ? "own-x" : "unit", true);
    struct inherited_fd got[3];
    const struct inherited_want want = { SOCK_DGRAM, &at.any, len, "own-x", false };
    assert_int_equal(inherited_take(&list, &want, got, 2), -E2BIG);
    assert_int_equal(inherited_take(&list, &want, got, 3), 3);
    assert_int_equal(got[0].fd, fds[2]);
    assert_int_equal(got[1].fd, fds[0]);
    assert_int_equal(got[2].fd, fds[1]);
    for (int i = 0; i < 3; i++)
        close(fds[i]);
    inherited_release(&list);
}

static void what_a_descriptor_is_can_be_said_and_what_does_not_listen_is_not_taken(void **unused)
{
    (void)unused;
    char path[64], want[128], what[INHERITED_WHAT_MAX];
    struct inherited list = { 0 };
    union address at, un;
    socklen_t len, un_len;
    snprintf(path, sizeof path, "%s/w", dir);
    int ends[2], udp = bound(SOCK_DGRAM, "127.0.0.1", &at, &len);
    int gram = bound(SOCK_DGRAM, path, &un, &un_len), tcp = socket(AF_INET, SOCK_STREAM, 0);
    snprintf(want, sizeof want, "udp 127.0.0.1:%u", ntohs(at.v4.sin_port));
    inherited_what(udp, what);
    assert_string_equal(what, want);
    snprintf(want, sizeof want, "unix datagram %s", path);
    inherited_what(gram, what);
    assert_string_equal(what, want);
    at.v4.sin_port = 0;
    assert_int_equal(bind(tcp, &at.any, len), 0);
    assert_int_equal(getsockname(tcp, &at.any, &len), 0);
    snprintf(want, sizeof want, "tcp 127.0.0.1:%u, which does not listen", ntohs(at.v4.sin_port));
    inherited_what(tcp, what);
    assert_string_equal(what, want);
    inherited_add(&list, tcp, "unit", true);
    struct inherited_fd got;
    const struct inherited_want stream = { SOCK_STREAM, &at.any, len, "unit", false };
    assert_int_equal(inherited_take(&list, &stream, &got, 1), 0);
    assert_int_equal(pipe(ends), 0);
    inherited_what(ends[0], what);
    assert_string_equal(what, "no socket");
    close(ends[0]);
    close(ends[1]);
    close(udp);
    close(gram);
    inherited_release(&list);
    unlink(path);
}

static void each_kind_of_socket_is_named(void **unused)
{
    (void)unused;
    char path[64], stream[64], abstract[64], want[3][128], got[INHERITED_WHAT_MAX];
    union address at;
    socklen_t len;
    snprintf(path, sizeof path, "%s/named", dir);
    snprintf(stream, sizeof stream, "%s/named-stream", dir);
    snprintf(abstract, sizeof abstract, "@inherited-named-%d", (int)getpid());
    snprintf(want[0], sizeof want[0], "unix datagram %s", path);
    snprintf(want[1], sizeof want[1], "unix stream %s", stream);
    snprintf(want[2], sizeof want[2], "unix datagram %s", abstract);
    const struct {
        int fd;
        const char *want;
    } rows[] = {
        { bound(SOCK_DGRAM, path, &at, &len), want[0] },
        { bound(SOCK_STREAM, stream, &at, &len), want[1] },
        { bound(SOCK_DGRAM, abstract, &at, &len), want[2] },
        { socket(AF_UNIX, SOCK_DGRAM, 0), "unix datagram " },
        { open("/dev/null", O_RDONLY), "no socket" },
        { socket(AF_INET, SOCK_DGRAM, 0), "udp 0.0.0.0:0" },
        { socket(AF_INET, SOCK_STREAM, 0), "tcp 0.0.0.0:0, which does not listen" },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        inherited_what(rows[i].fd, got);
        assert_string_equal(got, rows[i].want);
        close(rows[i].fd);
    }
    int fd = bound(SOCK_STREAM, "127.0.0.1", &at, &len);
    inherited_what(fd, got);
    assert_int_equal(strncmp(got, "tcp 127.0.0.1:", 14), 0);
    assert_null(strstr(got, ","));
    close(fd);
    unlink(path);
    unlink(stream);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_environment_is_read_or_told_what_is_wrong),
        cmocka_unit_test(names_go_by_their_place_and_a_missing_one_is_empty),
        cmocka_unit_test(one_socket_given_twice_is_there_once),
        cmocka_unit_test(an_own_name_is_what_a_manager_takes_and_never_the_same_twice),
        cmocka_unit_test(a_socket_is_found_by_its_type_and_address),
        cmocka_unit_test(a_path_is_found_by_another_spelling_of_it),
        cmocka_unit_test(a_group_is_taken_whole_or_not_at_all_and_named_ones_come_first),
        cmocka_unit_test(what_a_descriptor_is_can_be_said_and_what_does_not_listen_is_not_taken),
        cmocka_unit_test(each_kind_of_socket_is_named),
    };
    return cmocka_run_group_tests(tests, make_dir, remove_dir);
}
