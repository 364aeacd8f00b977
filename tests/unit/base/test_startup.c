/* What a program does first: tried in children, whose descriptors may be closed. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/startup.h"

/* 0: as it should be; else the number of the check that failed. */
static int look(unsigned closed)
{
    for (int fd = 0; fd <= 2; fd++)
        if (closed >> fd & 1)
            close(fd);
    if (!startup())
        return 1;
    int s = socket(AF_INET, SOCK_DGRAM, 0);
    if (s <= 2)
        return 2;
    for (int fd = 0; fd <= 2; fd++) {
        char c = 0;
        if (!(closed >> fd & 1))
            continue;
        if ((fd == 0 ? read(fd, &c, 1) : write(fd, &c, 1)) >= 0)
            return 3;
    }
    return 0;
}

/* Children of a test that is itself a child of make: what is inherited open stays as it is. */
static int status_of(int (*main)(unsigned), unsigned arg)
{
    int status = 0;
    pid_t pid = fork();
    if (pid == 0)
        _exit(main(arg));
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static void closed_descriptors_are_taken_up_and_stay_useless(void **state)
{
    (void)state;
    for (unsigned closed = 0; closed < 8; closed++)
        assert_int_equal(status_of(look, closed), 0);
}

static int write_too_much(unsigned limit)
{
    char path[] = "/tmp/startup-XXXXXX";
    int fd = mkstemp(path);
    unlink(path);
    if (fd < 0 || !startup() || setrlimit(RLIMIT_FSIZE, &(struct rlimit){ limit, limit }) < 0)
        return 1;
    static const char bytes[128];
    if (write(fd, bytes, sizeof bytes) != limit)
        return 2;
    return write(fd, bytes, 1) < 0 && errno == EFBIG ? 0 : 3;
}

static void a_write_beyond_the_file_size_limit_fails_and_no_more(void **state)
{
    (void)state;
    assert_int_equal(status_of(write_too_much, 100), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(closed_descriptors_are_taken_up_and_stay_useless),
        cmocka_unit_test(a_write_beyond_the_file_size_limit_fails_and_no_more),
    };
    return cmocka_run_group_tests_name("startup", tests, NULL, NULL);
}
