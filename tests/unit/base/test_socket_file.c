#include "base/socket_file.h"

#include <errno.h>
#include <fcntl.h>
#include <setjmp.h> /* IWYU pragma: keep */
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

static char dir[] = "/tmp/test_socket_file.XXXXXX";
static char sock[64], moved[64], victim[64], again[64];

static void bind_at(const char *path)
{
    struct sockaddr_un un = { .sun_family = AF_UNIX };
    snprintf(un.sun_path, sizeof un.sun_path, "%s", path);
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&un, sizeof un), 0);
    close(fd);
}

static mode_t mode_of(const char *path)
{
    struct stat st;
    assert_int_equal(lstat(path, &st), 0);
    return st.st_mode & 07777;
}

static int make(void **state)
{
    (void)state;
    if (mkdtemp(dir) == NULL)
        return -1;
    snprintf(sock, sizeof sock, "%s/sock", dir);
    snprintf(moved, sizeof moved, "%s/moved", dir);
    snprintf(victim, sizeof victim, "%s/victim", dir);
    snprintf(again, sizeof again, "%s/again", dir);
    int fd = open(victim, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    bind_at(sock);
    return fd < 0 ? -1 : close(fd);
}

static int clean(void **state)
{
    (void)state;
    for (size_t i = 0; i < 4; i++)
        (void)unlink((const char *const[]){ sock, moved, victim, again }[i]);
    return rmdir(dir);
}

static void a_link_that_takes_its_place_is_not_followed(void **state)
{
    struct stat st;
    (void)state;
    int fd = socket_file_hold(sock, false, &st);
    assert_true(fd >= 0);
    assert_int_equal(rename(sock, moved), 0);
    assert_int_equal(symlink(victim, sock), 0);
    assert_int_equal(socket_file_chmod(fd, 0666), 0);
    assert_int_equal(socket_file_chmod(fd, 0666), 0);
    assert_int_equal(socket_file_chown(fd, geteuid(), getegid()), 0);
    assert_int_equal(mode_of(moved), 0666);
    assert_int_equal(mode_of(victim), 0600);
    assert_int_equal(socket_file_hold(sock, false, &st), -ESTALE);
    assert_int_equal(socket_file_hold(sock, true, &st), -ESTALE);
    close(fd);
}

static void what_is_no_socket_of_one_name_is_not_held(void **state)
{
    struct stat st;
    (void)state;
    unlink(sock);
    assert_int_equal(socket_file_hold(sock, false, &st), -ENOENT);
    assert_int_equal(socket_file_hold(victim, false, &st), -ESTALE);
    bind_at(sock);
    assert_int_equal(link(sock, again), 0);
    assert_int_equal(socket_file_hold(sock, false, &st), -ESTALE);
    unlink(again);
    int fd = socket_file_hold(sock, false, &st);
    assert_true(fd >= 0 && S_ISSOCK(st.st_mode));
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_link_that_takes_its_place_is_not_followed),
        cmocka_unit_test(what_is_no_socket_of_one_name_is_not_held),
    };
    return cmocka_run_group_tests(tests, make, clean);
}
