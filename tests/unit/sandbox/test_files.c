#include "sandbox/files.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "sandbox/process.h"
#include "support/in_child.h"

#include <setjmp.h> /* IWYU pragma: keep */
#include <stdarg.h>
#include <stdint.h>

#include <cmocka.h>

static char top[] = "/tmp/sandbox-XXXXXX";

static const char *at(const char *name)
{
    static char paths[8][128];
    static unsigned n;
    char *p = paths[n++ % 8];
    snprintf(p, sizeof paths[0], "%s/%s", top, name);
    return p;
}

static void put(const char *path)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    close(fd);
}

static int tried(const char *path, int flags)
{
    int fd = open(path, flags | O_CLOEXEC, 0600);
    if (fd < 0)
        return errno;
    close(fd);
    return 0;
}

static int make(void **state)
{
    (void)state;
    struct sandbox_files f;
    if (mkdtemp(top) == NULL)
        return 1;
    for (const char *const *d = (const char *const[]){ "read", "write", "sock", "other", NULL };
         *d != NULL; d++)
        mkdir(at(*d), 0755);
    put(at("read/a"));
    put(at("other/a"));
    put(at("other/cert1"));
    put(at("write/a"));
    if (symlink(at("other/cert1"), at("read/cert")) < 0)
        return 1;
    return sandbox_files_begin(&f) == 0 ? close(f.rules) : 0;
}

static int clean(void **state)
{
    char command[64];
    (void)state;
    snprintf(command, sizeof command, "rm -rf %s", top);
    return system(command); /* NOLINT(cert-env33-c,concurrency-mt-unsafe): a path of our own */
}

static bool is_there(void)
{
    struct sandbox_files f;
    if (sandbox_files_begin(&f) < 0)
        return false;
    close(f.rules);
    return true;
}

/* Rules of a server with files in read/, a state in write/ and a socket in sock/deep/. */
static int confine(const char *read)
{
    struct sandbox_files f;
    if (sandbox_no_new_privileges() < 0 || sandbox_files_begin(&f) < 0)
        return -1;
    sandbox_files_allow_system(&f);
    if (sandbox_files_allow_folder_of(&f, read, SANDBOX_READ) < 0 ||
        sandbox_files_allow(&f, at("write"), SANDBOX_WRITE) < 0)
        return -1;
    return sandbox_files_end(&f);
}

static int reads(void)
{
    if (confine(at("read/a")) < 0)
        return 100;
    if (tried(at("read/a"), O_RDONLY) != 0 || tried(at("other/a"), O_RDONLY) != EACCES)
        return 1;
    if (tried(at("read/a"), O_WRONLY) != EACCES ||
        tried(at("read/b"), O_WRONLY | O_CREAT) != EACCES)
        return 2;
    if (tried("/etc/passwd", O_RDONLY) != 0 || tried("/root", O_RDONLY | O_DIRECTORY) != EACCES)
        return 3;
    if (tried("/proc/self/statm", O_RDONLY) != 0 ||
        tried("/proc/self/fd", O_RDONLY | O_DIRECTORY) != 0 ||
        tried("/proc/1/environ", O_RDONLY) != EACCES)
        return 4;
    execl("/bin/true", "true", (char *)NULL);
    return errno == EACCES ? 0 : 5;
}

static int writes(void)
{
    if (confine(at("read/a")) < 0)
        return 100;
    if (tried(at("write/b"), O_WRONLY | O_CREAT | O_EXCL) != 0 ||
        tried(at("write/b"), O_WRONLY | O_TRUNC) != 0)
        return 1;
    if (symlink("x", at("write/l")) != 0 || rename(at("write/l"), at("write/m")) != 0)
        return 2;
    if (rename(at("write/b"), at("write/c")) != 0 || unlink(at("write/c")) != 0)
        return 3;
    if (rename(at("write/a"), at("other/b")) == 0 || unlink(at("other/a")) == 0)
        return 4;
    return mkfifo(at("other/f"), 0600) < 0 && errno == EACCES ? 0 : 5;
}

static int follows(void)
{
    if (confine(at("read/cert")) < 0)
        return 100;
    if (tried(at("read/cert"), O_RDONLY) != 0)
        return 1;
    /* Renewed, as certbot does: another file beside the first, the link is replaced. */
    if (sandbox_files_refuse(at("read/cert")) || sandbox_files_refuse(at("no/such")))
        return 2;
    return sandbox_files_refuse("/proc/1/comm") ? 0 : 3;
}

static int stays_off_the_root(void)
{
    struct sandbox_files f;
    if (sandbox_no_new_privileges() < 0 || sandbox_files_begin(&f) < 0 ||
        sandbox_files_allow_folder_of(&f, "/etc", SANDBOX_READ) < 0)
        return 100;
    if (sandbox_files_end(&f) < 0)
        return 101;
    return tried("/etc/passwd", O_RDONLY) == 0 && tried(at("other/a"), O_RDONLY) == EACCES ? 0 : 1;
}

static int binds_at(const char *path)
{
    struct sockaddr_un un = { .sun_family = AF_UNIX };
    snprintf(un.sun_path, sizeof un.sun_path, "%s", path);
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    int rc = bind(fd, (struct sockaddr *)&un, sizeof un) < 0 ? errno : 0;
    close(fd);
    return rc;
}

static int binds(void)
{
    struct sandbox_files f;
    mkdir(at("sock/deep"), 0755);
    if (sandbox_no_new_privileges() < 0 || sandbox_files_begin(&f) < 0 ||
        sandbox_files_allow_socket(&f, at("sock/deep/s")) < 0)
        return 100;
    rmdir(at("sock/deep"));
    mkdir(at("sock/deep"), 0755);
    int abi = f.abi;
    if (sandbox_files_end(&f) < 0)
        return 101;
    if (binds_at(at("sock/deep/s")) != 0 || unlink(at("sock/deep/s")) != 0)
        return 1;
    if (binds_at(at("other/s")) != EACCES || tried(at("sock/deep/x"), O_WRONLY | O_CREAT) != EACCES)
        return 2;
    struct sockaddr_in in = { .sin_family = AF_INET };
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int rc = bind(fd, (struct sockaddr *)&in, sizeof in) < 0 ? errno : 0;
    close(fd);
    return abi < 4 || rc == EACCES ? 0 : 3;
}

/* The folder above is allowed, too, but for the root: below it is everything. */
static int binds_below_root(const char *path)
{
    struct sandbox_files f;
    if (sandbox_no_new_privileges() < 0 || sandbox_files_begin(&f) < 0 ||
        sandbox_files_allow_socket(&f, path) < 0 || sandbox_files_end(&f) < 0)
        return 100;
    if (tried("/tmp", O_RDONLY | O_DIRECTORY) != 0)
        return 1;
    return tried("/", O_RDONLY | O_DIRECTORY) == EACCES ? 0 : 2;
}

static int binds_at_the_top(void)
{
    return binds_below_root("/tmp/s");
}

static int binds_at_the_top_in_other_words(void)
{
    return binds_below_root("/./tmp/s");
}

static void *look(void *ret)
{
    *(int *)ret = tried(at("other/a"), O_RDONLY);
    return NULL;
}

static int threads(void)
{
    pthread_t t;
    int got = 0;
    if (confine(at("read/a")) < 0 || pthread_create(&t, NULL, look, &got) != 0)
        return 100;
    pthread_join(t, NULL);
    return got == EACCES ? 0 : 1;
}

/* A rule that could not be made: the others are not to be in force without it. */
static int dropped(void)
{
    struct sandbox_files f;
    if (sandbox_no_new_privileges() < 0 || sandbox_files_begin(&f) < 0)
        return 100;
    if (sandbox_files_allow(&f, at("nowhere"), SANDBOX_WRITE) != -ENOENT)
        return 1;
    sandbox_files_drop(&f);
    return f.rules == -1 && tried(at("other/a"), O_RDONLY) == 0 &&
                   !sandbox_files_refuse(at("other/a"))
               ? 0
               : 2;
}

static void check(int (*run)(void))
{
    if (!is_there())
        skip();
    assert_int_equal(in_child(run), 0);
}

static void a_folder_of_a_file_is_read_and_nothing_beside_it(void **state)
{
    (void)state;
    check(reads);
}

static void the_state_is_written_and_renamed_in_its_folder_alone(void **state)
{
    (void)state;
    check(writes);
}

static void a_link_is_allowed_with_where_it_leads(void **state)
{
    (void)state;
    check(follows);
}

static void of_what_lies_in_the_root_it_alone_is_read(void **state)
{
    (void)state;
    check(stays_off_the_root);
}

static void a_socket_is_bound_again_where_its_folder_was_made_again(void **state)
{
    (void)state;
    check(binds);
}

static void a_socket_right_below_the_root_opens_nothing_else(void **state)
{
    (void)state;
    check(binds_at_the_top);
    check(binds_at_the_top_in_other_words);
}

static void threads_that_start_later_are_bound_too(void **state)
{
    (void)state;
    check(threads);
}

static void rules_that_are_dropped_bind_nobody(void **state)
{
    (void)state;
    check(dropped);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_folder_of_a_file_is_read_and_nothing_beside_it),
        cmocka_unit_test(the_state_is_written_and_renamed_in_its_folder_alone),
        cmocka_unit_test(a_link_is_allowed_with_where_it_leads),
        cmocka_unit_test(of_what_lies_in_the_root_it_alone_is_read),
        cmocka_unit_test(a_socket_is_bound_again_where_its_folder_was_made_again),
        cmocka_unit_test(a_socket_right_below_the_root_opens_nothing_else),
        cmocka_unit_test(threads_that_start_later_are_bound_too),
        cmocka_unit_test(rules_that_are_dropped_bind_nobody),
    };
    return cmocka_run_group_tests(tests, make, clean);
}
