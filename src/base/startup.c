#include "base/startup.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>

/* Opened for the wrong direction, so that using it is an error; without /dev/null, a directory. */
static int open_useless(int fd)
{
    int got = open("/dev/null", fd == 0 ? O_WRONLY : O_RDONLY);
    return got >= 0 ? got : open("/", O_RDONLY | O_DIRECTORY);
}

bool startup(void)
{
    (void)signal(SIGXFSZ, SIG_IGN);
    /* In this order: open returns the lowest free number. */
    for (int fd = 0; fd <= 2; fd++) {
        if (fcntl(fd, F_GETFD) < 0 && errno == EBADF && open_useless(fd) != fd)
            return false;
    }
    return true;
}
