/*
 * The file on which a server waits: whose it is, what is replaced, what is left alone.
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/slice.h"
#include "takeover/control_socket.h"

static char dir[64], path[96];

static int make_dir(void **unused)
{
    (void)unused;
    snprintf(dir, sizeof dir, "/tmp/control-XXXXXX");
    assert_non_null(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/s", dir);
    return 0;
}

static int remove_dir(void **unused)
{
    (void)unused;
    (void)unlink(path);
    return rmdir(dir);
}

static void the_file_is_the_users_alone_whatever_the_umask(void **unused)
{
    (void)unused;
    const mode_t masks[] = { 0, 022, 0777 };
    for (size_t i = 0; i < ARRAY_LEN(masks); i++) {
        struct stat st;
        int fd;
        mode_t before = umask(masks[i]);
        assert_int_equal(control_socket_listen(path, &fd), 0);
        umask(before);
        assert_int_equal(stat(path, &st), 0);
        assert_int_equal(st.st_mode & 07777, 0600);
        assert_int_equal(st.st_uid, geteuid());
        control_socket_remove(fd);
        assert_int_equal(access(path, F_OK), -1);
        close(fd);
    }
}

static void a_file_without_a_server_is_replaced_one_with_a_server_is_not(void **unused)
{
    (void)unused;
    int fd, second, third;
    assert_int_equal(control_socket_listen(path, &fd), 0);
    assert_int_equal(control_socket_listen(path, &second), -EADDRINUSE);
    close(fd); /* as one that was killed: the file stays */
    assert_int_equal(access(path, F_OK), 0);
    assert_int_equal(control_socket_connect(path, &third), -ECONNREFUSED);
    assert_int_equal(control_socket_listen(path, &second), 0);
    assert_int_equal(control_socket_connect(path, &third), 0);
    assert_true(control_socket_is_of(third, geteuid()));
    assert_false(control_socket_is_of(third, geteuid() + 1));
    close(third);
    control_socket_remove(second);
    close(second);
}

static void another_servers_file_is_not_removed(void **unused)
{
    (void)unused;
    int fd, other;
    assert_int_equal(control_socket_listen(path, &fd), 0);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(control_socket_listen(path, &other), 0);
    control_socket_remove(fd);
    assert_int_equal(access(path, F_OK), 0);
    close(fd);
    close(other);
}

static void a_file_that_has_taken_its_place_is_not_removed(void **unused)
{
    (void)unused;
    int fd, file;
    assert_int_equal(control_socket_listen(path, &fd), 0);
    assert_int_equal(unlink(path), 0);
    file = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600);
    assert_true(file >= 0);
    control_socket_remove(fd);
    assert_int_equal(access(path, F_OK), 0);
    close(fd);
    close(file);
}

static void what_is_no_socket_is_left_alone(void **unused)
{
    (void)unused;
    char longer[200];
    int fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0600), got;
    assert_true(fd >= 0);
    close(fd);
    assert_int_equal(control_socket_listen(path, &got), -ENOTSOCK);
    assert_int_equal(access(path, F_OK), 0);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(symlink("/nowhere", path), 0);
    assert_int_equal(control_socket_listen(path, &got), -ENOTSOCK);
    assert_int_equal(unlink(path), 0);
    memset(longer, 'x', sizeof longer - 1);
    longer[sizeof longer - 1] = '\0';
    assert_int_equal(control_socket_listen(longer, &got), -ENAMETOOLONG);
    assert_int_equal(control_socket_connect(longer, &got), -ENAMETOOLONG);
    assert_int_equal(control_socket_listen("", &got), -ENAMETOOLONG);
    assert_int_equal(control_socket_connect(path, &got), -ENOENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_file_is_the_users_alone_whatever_the_umask, make_dir,
                                        remove_dir),
        cmocka_unit_test_setup_teardown(
            a_file_without_a_server_is_replaced_one_with_a_server_is_not, make_dir, remove_dir),
        cmocka_unit_test_setup_teardown(another_servers_file_is_not_removed, make_dir, remove_dir),
        cmocka_unit_test_setup_teardown(a_file_that_has_taken_its_place_is_not_removed, make_dir,
                                        remove_dir),
        cmocka_unit_test_setup_teardown(what_is_no_socket_is_left_alone, make_dir, remove_dir),
    };
    return cmocka_run_group_tests_name("takeover control socket", tests, NULL, NULL);
}
